# cmake -DIN=rules.ini -DOUT=x.c -P embed.cmake: a text file as a C string.
file(READ ${IN} hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n"
  bytes "${bytes}")
file(WRITE ${OUT} "extern const char pim_rules_builtin[];\n"
  "const char pim_rules_builtin[] = {\n${bytes} 0 };\n")

def pairs(c, n): pass
def address(c): pass

// A notification read by libsynthesis, the engine of SyncEvolution and of many
// phones. Arguments: server id, secret, nonce, the octets in hex. Prints what it
// found as JSON. sink_test.py compiles it where libsynthesis-dev is installed.
#include <synthesis/san.h>

#include <cstdio>
#include <string>
#include <vector>

using namespace sysync;

int
main(int argc, char **argv)
{
	SanPackage san;
	std::vector<unsigned char> b;

	if (argc != 5)
		return 2;
	for (const char *p = argv[4]; p[0] != 0 && p[1] != 0; p += 2) {
		unsigned v;

		if (std::sscanf(p, "%2x", &v) != 1)
			return 2;
		b.push_back((unsigned char)v);
	}
	if (san.PassSan(b.data(), b.size()) != 0) {
		std::puts("{\"error\": \"refused\"}");
		return 1;
	}
	int rc = san.GetHeader();
	san.CreateDigest(argv[1], argv[2], argv[3], b.data(), b.size());
	std::printf("{\"rc\": %d, \"digest_ok\": %s, \"version\": %d, \"ui\": %d, "
		    "\"initiator\": %d, \"session\": %d, \"server\": \"%s\", "
		    "\"syncs\": [",
		    rc, san.DigestOK(b.data()) ? "true" : "false",
		    san.fProtocolVersion, san.fUI_Mode, san.fInitiator,
		    san.fSessionID, san.fServerID.c_str());
	for (int i = 1; i <= san.fNSync; i++) {
		int type;
		uInt32 content;
		std::string uri;

		rc = san.GetNthSync(i, type, content, uri);
		std::printf("%s[%d, %d, %u, \"%s\"]", i > 1 ? ", " : "", rc, type,
			    (unsigned)content, uri.c_str());
	}
	std::puts("]}");
	return 0;
}

"""An ejabberd of one's own, in the place of Prosody: on loopback, in a
temporary folder, without Erlang's distribution (so no other port is open).

Debian's package is not in tools/setup.sh (it brings Erlang): apt-get install
--no-install-recommends ejabberd.
"""

import glob
import os
import shutil

import prosody

CONF = """
hosts: [{domain}]
loglevel: warning
certfiles: [{dir}/pair.pem]
ca_file: {dir}/good.pem
listen:
  -
    port: {port}
    ip: 127.0.0.1
    module: ejabberd_c2s
    starttls: true
    starttls_required: true
    access: all
    shaper: none
    max_stanza_size: 262144
  -
    port: {component_port}
    ip: 127.0.0.1
    module: ejabberd_service
    access: all
    shaper: none
    hosts:
      {component}:
        password: "{secret}"
auth_method: internal
auth_password_format: scram
default_db: mnesia
disable_sasl_mechanisms: ["DIGEST-MD5", "X-OAUTH2"]
modules:
  mod_disco: {{}}
  mod_offline:
    access_max_user_messages: {offline}
  mod_ping: {{}}
  mod_roster: {{}}
  mod_caps: {{}}
shaper_rules:
  {offline}:
    100000: all
"""
START = ("{ok,_} = application:ensure_all_started(ejabberd), "
         "[ejabberd_auth:try_register(U, <<\"%s\">>, <<\"%s\">>) || "
         "U <- [%s]].")


class Ejabberd(prosody.Prosody):
    accounts = ("ejabberd", "nobody")

    def configure(self, tls=True, cert="good", modules=()):
        with open(self.dir + "/pair.pem", "w") as f:
            for part in "key", "pem":
                with open("%s/%s.%s" % (self.dir, cert, part)) as g:
                    f.write(g.read())
        with open(self.dir + "/conf.yml", "w") as f:
            f.write(CONF.format(
                dir=self.dir, port=self.port, domain=prosody.DOMAIN,
                component_port=self.component_port, secret=prosody.SECRET,
                component=prosody.COMPONENT, offline="max_offline"))
        os.makedirs(self.dir + "/mnesia", exist_ok=True)

    def command(self):
        ebin = glob.glob("/usr/lib/*/ejabberd-*/ebin")
        if not ebin or shutil.which("erl") is None:
            raise prosody.Failed("ejabberd is not installed")
        return ["erl", "-noinput", "-pa", ebin[0], "-mnesia", "dir",
                '"%s/mnesia"' % self.dir, "-eval", START % (
                    prosody.DOMAIN, prosody.PASSWORD,
                    ",".join('<<"%s">>' % u for u in prosody.USERS))]

    def environment(self):
        return dict(os.environ, EJABBERD_CONFIG_PATH=self.dir + "/conf.yml",
                    EJABBERD_LOG_PATH=self.dir + "/log", HOME=self.dir,
                    ERL_CRASH_DUMP=self.dir + "/crash")

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The user tier: what is decided on is what is done (races.c); RACE_MS for each, `make races` for half a minute, RACES="open cwd" some of them.
. "$(dirname "$0")/lib.sh"
P=p
RACE_PORT=$((10000 + $$ % 10000 * 2)) # others may test on this machine
export RACE_PORT
cat >"$TMP/$P.toml" <<END
schema = 1
name = "p"
[file]
default = "deny"
read = ["/usr/**", "/etc/**", "/proc/**", "/dev/null", "$B/**", "$W/in/**"]
write = ["$W/in/y/**", "/dev/null"]
deny = ["$W/in/no/**"]
[exec]
default = "deny"
allow = ["/usr/**", "$B/**", "$W/in/x/**"]
deny  = ["$W/in/x/b"]
[network]
default = "deny"
connect = ["udp:127.0.0.1:$RACE_PORT"]
listen = ["udp:127.0.0.1:$RACE_PORT-$((RACE_PORT + 1))"]
END
fresh() {
	rm -rf "$W/in"
	prepare mkdir -p "$W/in/no" "$W/in/x" "$W/in/y" "$W/in/ro"
	prepare sh -c "cd $W/in; echo SECRET >no/a; echo text >y/a; echo text >ro/a; cp /usr/bin/true x/a; cp /usr/bin/false x/b; ln -s ../no y/q
		ln -s ../x/a y/link; printf '#!$W/in/y/link\n' >x/script; chmod 755 x/script"
}
for r in ${RACES:-$("$OPS" races)}; do
	fresh
	try as_user timeout -s KILL $((${RACE_MS:-200} / 1000 + 40)) "$B/vantioctl" run -q --tier user --policy "$TMP/$P.toml" -- "$B/ops" "race-$r" "$W/in" "${RACE_MS:-200}"
	is "$r for ${RACE_MS:-200} ms: ${out:-}" "$rc" 0
	[[ ${RACE_MS:-0} -lt 10000 ]] || echo "# told $r for $RACE_MS ms: $out"
done
finish

# SPDX-License-Identifier: Apache-2.0
# The user tier: tiers, records, the end-of-run summary, what is refused before the start, Landlock's ABIs.
. "$(dirname "$0")/lib.sh"
P=p
cat >"$TMP/$P.toml" <<END
schema = 1
name = "p"
[file]
default = "deny"
read = ["/usr/**", "/etc/**", "/proc/**", "/dev/null", "$B/**", "$W/in/**"]
write = ["$W/in/**", "/dev/null"]
deny = ["/etc/shadow", "$W/in/no/**"]
[exec]
default = "deny"
allow = ["/usr/**", "$B/**", "$W/in/x/**"]
deny  = ["$W/in/x/b"]
[network]
default = "deny"
connect = ["udp:127.0.0.1:9911"]
[limits]
unlink = { max = 3, per = "60s", action = "block" }
END
prepare mkdir -p "$W/in/no" "$W/in/x"
prepare sh -c "echo text >$W/in/a; echo SECRET >$W/in/no/a; echo SECRET >$W/s; cp /usr/bin/true $W/in/x/a; cp /usr/bin/false $W/in/x/b; mkdir $W/in/y; echo text >$W/in/y/a"
vc() { as_user "$B/vantioctl" "$@"; }

run $P sh -c 'cat /etc/shadow; cat /etc/shadow; exit 4'
is "status" "$rc" 4
has "summary: how often" "$err" "2  read /etc/shadow: file.deny[0]"
has "summary: where" "$err" "p.toml:7"
has "summary: what would allow it" "$err" "to allow it: take '/etc/shadow' out of line 7"
run $P cat "$W/s"
has "summary: the line to write" "$err" "[file] read = ['$W/s']"
try as_user "$B/vantioctl" --json run --tier user --policy "$TMP/$P.toml" -- cat "$W/s"
is "--json: a document on standard error" "$(tail -n1 <<<"$err" | jq -r '.refusals[0] | .op + " " + .rule + " " + .count')" "read file.default 1"
try as_user "$B/vantioctl" run --policy "$TMP/$P.toml" -- true
if [[ $(id -u) != 0 || 1 ]]; then has "auto says which" "$err" "tier user: seccomp and Landlock"; fi
n=$(grep -c 'tier user' <<<"$err")
is "auto says it once" "$n" 1
try as_user "$B/vantioctl" run --tier observe --policy "$TMP/$P.toml" -- cat "$W/s"
is "observe blocks nothing" "$rc $out" "0 SECRET"
has "observe tells what would have been" "$err" "would have been refused"
try vc --json ledger list --limit 1000
records=$(jq .records <<<"$out")
is "every record is of these tiers" "$(jq -r '.[].tier' <<<"$records" 2>/dev/null | sort -u | tr '\n' ' ')" "observe user "
is "observed records are not enforced" "$(jq -r '[.[] | select(.tier == "observe") | .enforced] | any' <<<"$records")" false
is "a record names the rule and the hook" "$(jq -r '[.[] | select(.rule == "file.deny[0]")][0] | .hook + " " + .op + " " + .decision' <<<"$records")" "file_open read block"
try vc ledger verify
has "the ledger verifies" "$out" "OK"
VANTIO_AUDIT_MODE=1 run $P cat "$W/s"
is "audit mode blocks nothing" "$rc $out" "0 SECRET"
run $P sh -c "for i in 1 2 3 4 5; do : >$W/in/u\$i; rm $W/in/u\$i; done; ls $W/in | grep -c ^u"
is "a limit refuses what is too many" "$out" 2
has "the limit is named" "$err" "limits.unlink"

# what the tier cannot do is refused by name
sed 's/^schema.*/&/; $ a [kernel]\nmount = "allow"' "$TMP/$P.toml" >"$TMP/mount.toml"
run mount true
is "a permission that it cannot give: status" "$rc" 5
has "it is named" "$err" 'kernel.mount = "allow"'
try as_user "$B/vantioctl" run --tier user --allow-degraded --policy "$TMP/mount.toml" -- true
is "--allow-degraded goes on" "$rc" 0
has "and says so" "$err" "going on without"
run $P ls "$XDG_DATA_HOME/vantio/ledger"
is "the ledger is out of reach" "$rc" 2
sed 's/default = "deny"/default = "allow"/; /^read/d; /^write/d; /^deny/d; /^allow/d' "$TMP/$P.toml" >"$TMP/all.toml"
run all sh -c "echo x >>$XDG_DATA_HOME/vantio/ledger/checkpoint"
is "even where everything is allowed" "$rc" 2
holds "two runs at once write one ledger" bash -c '
	for i in 1 2 3 4; do "$@" -- sh -c "cat /etc/shadow 2>/dev/null; exit 0" & pids+=($!); done
	for p in "${pids[@]}"; do wait $p || exit 1; done' - setpriv --no-new-privs bash -c 'exec "$@"' - env "VANTIO_LEDGER=" true
for i in 1 2 3 4; do as_user "$B/vantioctl" run -q --tier user --name together --policy "$TMP/$P.toml" -- cat /etc/shadow 2>/dev/null & done
wait
is "records of four runs at once" "$(vc --json ledger list --limit 1000 | jq '[.records[] | select(.agent | startswith("together"))] | length')" 4
try vc ledger verify
has "and the ledger verifies" "$out" "OK"

# what the supervisor does in the command's place is not done with the ledger: neither its umask nor its folder
run $P sh -c "umask 777; mkdir $W/in/shut; cat /etc/shadow"
is "the command's umask is not that of the ledger" "$(find "$XDG_DATA_HOME" -perm 0000)" ""
holds "the ledger can still be written" as_user "$B/vantioctl" run -q --tier user --policy "$TMP/$P.toml" -- true
sed 's|connect = .*|listen = ["unix:'"$W"'/in/**"]|' "$TMP/$P.toml" >"$TMP/bind.toml"
prepare mkdir "$W/here"
try as_user sh -c "cd $W/here && env -u VANTIO_LEDGER $B/vantioctl --ledger led run -q --tier user --policy $TMP/bind.toml -- python3 -c '
import os, socket
os.chdir(\"$W/in\")
socket.socket(socket.AF_UNIX).bind(\"sock\")
try: open(\"/etc/shadow\")
except OSError as e: print(e.errno)'"
is "a ledger with a relative path stays where it is" "$out $(cd "$W" && echo */led)" "13 here/led"

# the kill switch, and who may use it
become_user "$B/vantioctl" run -q --tier user --name halted --policy "$TMP/$P.toml" -- sh -c "while :; do echo x >>$W/in/beat; done" &
p=$!
until [[ -s $W/in/beat ]]; do kill -0 $p || break; read -rt 0.05 <> <(:) || :; done
try vc --json agent list
is "agent list" "$(jq -r '.[0] | .agent + " " + .state + " " + .tier' <<<"$out")" "halted-$p enrolled user"
try vc --json killswitch --soft
is "kill switch: soft" "$rc $(jq -r .agents <<<"$out")" "0 1"
before=$(stat -c %s "$W/in/beat"); read -rt 0.2 <> <(:)
is "nothing goes on" "$(stat -c %s "$W/in/beat")" "$before"
try vc agent release "halted-$p"
is "release" "$out" "released halted-$p"
for _ in {1..100}; do [[ $(stat -c %s "$W/in/beat") != "$before" ]] && break; read -rt 0.05 <> <(:) || :; done
hasnt "it goes on" "$(stat -c %s "$W/in/beat")." "$before."
run all "$B/vantioctl" killswitch --hard
holds "an agent cannot use it" kill -0 $p
try vc killswitch --hard --agent "halted-$p"
wait $p
is "kill switch: hard" "$?" 137
try vc --json agent list
is "it is gone, and a list of nobody is a list" "$rc $out" "0 []"
sed 's/max = 3, per = "60s", action = "block"/max = 1, per = "60s", action = "quarantine"/' "$TMP/$P.toml" >"$TMP/quarantine.toml"
become_user "$B/vantioctl" run --tier user --name q --policy "$TMP/quarantine.toml" -- sh -c "touch $W/in/q1 $W/in/q2; rm $W/in/q1; rm $W/in/q2; sleep 100" 2>"$TMP/q.err" &
p=$!
until grep -q 'is halted' "$TMP/q.err"; do kill -0 $p || break; read -rt 0.05 <> <(:) || :; done
try vc --json killswitch status
is "a limit quarantines" "$(jq -r '.agents[0].state' <<<"$out")" quarantined
is "what was too many did not happen" "$(stat -c %F "$W/in/q2")" "regular empty file"
try vc --json killswitch --release
is "kill switch: a release of all leaves a quarantine" "$rc $(jq -r '"\(.agents) \(.quarantined)"' <<<"$out")" "0 0 1"
vc killswitch --soft >/dev/null
try vc killswitch --release --agent "q-$p"
is "kill switch: a release of the quarantined one is refused" "$rc" 1
has "kill switch: and says what lets it go on" "$err" "'vantioctl agent release q-$p'"
is "kill switch: it is quarantined as before" "$(vc --json killswitch status | jq -r '.agents[0].state')" quarantined
try vc agent release "q-$p"
is "agent release ends the quarantine" "$rc $(vc --json killswitch status | jq -r '.agents[0].state')" "0 enrolled"
vc killswitch --hard >/dev/null
wait $p

# Landlock's ABIs, as older kernels have them
newest=$(as_user "$B/vantioctl" doctor --json | jq -r '.checks[] | select(.check == "landlock").found' | grep -o '[0-9]*$')
for abi in 1 2 3 4 5 6 7; do
	if ((abi > newest)); then skip "Landlock ABI $abi" "this kernel has $newest"; continue; fi
	export VANTIO_LANDLOCK_ABI=$abi
	run $P sh -c "cat $W/in/a && ! cat $W/in/no/a 2>/dev/null && ! cat $W/s 2>/dev/null && mkdir $W/in/m$abi && mv $W/in/a $W/in/m$abi/a &&
		mv $W/in/m$abi/a $W/in/a && rmdir $W/in/m$abi && $W/in/x/a && ! $W/in/x/b 2>/dev/null && : >$W/in/t"
	is "Landlock ABI $abi: as the policy says" "$rc $out" "0 text"
	unset VANTIO_LANDLOCK_ABI
done

finish

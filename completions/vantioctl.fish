# SPDX-License-Identifier: Apache-2.0
# fish completion for vantioctl; written by 'vantioctl completion fish', do not edit.

set -g __vantioctl_valued --ledger --tier -t --policy -p --preset -P --tier -t --name -n --policy -p --workdir -w --refresh --rotate --egress-interface --sample --workdir -w --workdir -w --workdir -w --workdir -w --workdir -w --cases -c --workdir -w --workdir -w --since --until --agent --limit -n --workdir -w --name -n --policy -p --trace-id --filter --lines -n --agent -a --against --vkey --since --segment --quorum --witness --since --until --agent --decision --hook --rule --trace-id --filter --sort --limit -n --after --before --offset --by --every --since --until --agent --decision --rule --limit -n --format --output-file -o --hmac-key --location --retain --disclose --checkpoint --output-file -o --key --vkey --output-file -o --field --before --vkey --quorum --witness --output-file -o --name --values

# The words before the cursor without options and their values.
function __vantioctl_words
    set -l skip 0
    for word in (commandline -opc)[2..-1]
        if test $skip -eq 1
            set skip 0
        else if contains -- $word $__vantioctl_valued
            set skip 1
        else if not string match -q -- '-*' $word
            echo $word
        end
    end
end

# True after the words $argv[2..], with $argv[1] more behind them; '+' is any number.
function __vantioctl_after
    set -l words (__vantioctl_words)
    set -l prefix $argv[2..-1]
    set -l n (count $prefix)
    test (count $words) -ge $n; or return 1
    if test $n -gt 0
        test "$words[1..$n]" = "$prefix"; or return 1
    end
    test $argv[1] = +; or test (count $words) -eq (math $n + $argv[1])
end

function __vantioctl_values
    vantioctl --quiet completion --values $argv[1] 2>/dev/null
end

complete -c vantioctl -f
complete -c vantioctl -l json -s j -d 'print one JSON document, errors included'
complete -c vantioctl -l ledger -r -f -a '(__fish_complete_directories (commandline -ct))' -d 'the ledger\'s folder (default: $VANTIO_LEDGER, /var/lib/vantio/ledger)'
complete -c vantioctl -l no-color -d 'no colours (as NO_COLOR in the environment)'
complete -c vantioctl -l quiet -s q -d 'no remarks on stderr, only errors'
complete -c vantioctl -l version -s V -d 'print the version'
complete -c vantioctl -l help -s h -d 'print help for the command'
complete -c vantioctl -n '__vantioctl_after 0' -a doctor -d 'what this host can enforce, and how to mend what it cannot'
complete -c vantioctl -n '__vantioctl_after 0' -a run -d 'run one command under a policy'
complete -c vantioctl -n '__vantioctl_after 0' -a enforce -d 'put policies in force in the kernel'
complete -c vantioctl -n '__vantioctl_after 0' -a load -d 'load the engine into the kernel'
complete -c vantioctl -n '__vantioctl_after 0' -a unload -d 'take the engine out of the kernel'
complete -c vantioctl -n '__vantioctl_after 0' -a status -d 'show what is in force'
complete -c vantioctl -n '__vantioctl_after 0' -a policy -d 'check, show, ask and compare policies'
complete -c vantioctl -n '__vantioctl_after 0' -a agent -d 'enroll, list and remove agents'
complete -c vantioctl -n '__vantioctl_after 0' -a tail -d 'print the newest records, and follow the ledger'
complete -c vantioctl -n '__vantioctl_after 0' -a killswitch -d 'halt agents at once'
complete -c vantioctl -n '__vantioctl_after 0' -a ledger -d 'verify, search and export the record of decisions'
complete -c vantioctl -n '__vantioctl_after 0' -a receipt -d 'check records that were handed over one by one'
complete -c vantioctl -n '__vantioctl_after 0' -a phantom -d 'commit or drop what a run kept from the host'
complete -c vantioctl -n '__vantioctl_after 0' -a key -d 'signing keys and their verifier keys'
complete -c vantioctl -n '__vantioctl_after 0' -a completion -d 'print the completion script of a shell'
complete -c vantioctl -n '__vantioctl_after 0' -a help -d 'explain the commands'
complete -c vantioctl -n '__vantioctl_after + doctor' -l tier -s t -r -f -a ' kernel user observe' -d 'exit with 5 if this tier cannot run here'
complete -c vantioctl -n '__vantioctl_after + run' -l policy -s p -r -k -f -a '(__fish_complete_suffix .toml)' -d 'the policy (default: $VANTIO_POLICY_PATH, /etc/vantio/policy.toml)'
complete -c vantioctl -n '__vantioctl_after + run' -l preset -s P -r -f -a ' aider base build claude-code codex cursor-agent gemini-cli git loopback node opencode python' -d 'a preset as the policy (\'vantioctl policy presets\' lists them), or several together'
complete -c vantioctl -n '__vantioctl_after + run' -l tier -s t -r -f -a ' auto kernel user observe' -d 'who enforces it (default: auto, the strongest that works)'
complete -c vantioctl -n '__vantioctl_after + run' -l name -s n -r -d 'what records call it, before its number (default: the policy\'s name)'
complete -c vantioctl -n '__vantioctl_after + run' -l phantom -d 'keep what it writes from the host, until \'vantioctl phantom commit\''
complete -c vantioctl -n '__vantioctl_after + run' -l allow-degraded -d 'go on where the tier cannot do all that the policy says'
complete -c vantioctl -n '__vantioctl_after + run' -f -a '(__fish_complete_subcommand)'
complete -c vantioctl -n '__vantioctl_after + enforce' -l policy -s p -r -k -f -a '(__fish_complete_suffix .toml)' -d 'the policy to put in force (default: $VANTIO_POLICY_PATH, /etc/vantio/policy.toml)'
complete -c vantioctl -n '__vantioctl_after + enforce' -l workdir -s w -r -f -a '(__fish_complete_directories (commandline -ct))' -d 'what $WORKDIR stands for: an absolute path (default: nothing)'
complete -c vantioctl -n '__vantioctl_after + enforce' -l refresh -r -d 'how often host names and denied files are looked up again (default: 30s)'
complete -c vantioctl -n '__vantioctl_after + enforce' -l rotate -r -d 'how often the ledger takes a new signing key (default: 24h; 0s: never)'
complete -c vantioctl -n '__vantioctl_after + enforce' -l egress-interface -r -d 'filter what agents send out of this network interface; \'all\' of them, or \'none\''
complete -c vantioctl -n '__vantioctl_after + enforce' -l audit -d 'record every decision and refuse nothing (as VANTIO_AUDIT_MODE=1)'
complete -c vantioctl -n '__vantioctl_after + enforce' -l allow-degraded -d 'also where this kernel cannot deny a surface of [kernel] that the policy denies'
complete -c vantioctl -n '__vantioctl_after + status' -l sample -r -d 'measure rates and run times for so long, not since load'
complete -c vantioctl -n '__vantioctl_after 0 policy' -a check -d 'say everything that is wrong with policies'
complete -c vantioctl -n '__vantioctl_after + policy check' -l workdir -s w -r -f -a '(__fish_complete_directories (commandline -ct))' -d 'what $WORKDIR stands for (default: the current folder)'
complete -c vantioctl -n '__vantioctl_after + policy check' -k -f -a '(__fish_complete_suffix .toml)'
complete -c vantioctl -n '__vantioctl_after 0 policy' -a show -d 'print a policy as it is understood, its rules numbered'
complete -c vantioctl -n '__vantioctl_after + policy show' -l resolve -s r -d 'ask for the addresses that host names stand for now'
complete -c vantioctl -n '__vantioctl_after + policy show' -l workdir -s w -r -f -a '(__fish_complete_directories (commandline -ct))' -d 'what $WORKDIR stands for (default: the current folder)'
complete -c vantioctl -n '__vantioctl_after 0 policy show' -k -f -a '(__fish_complete_suffix .toml)'
complete -c vantioctl -n '__vantioctl_after 0 policy' -a hash -d 'print the hash that records name a policy by'
complete -c vantioctl -n '__vantioctl_after + policy hash' -l canonical -d 'print the text that is hashed instead'
complete -c vantioctl -n '__vantioctl_after + policy hash' -l workdir -s w -r -f -a '(__fish_complete_directories (commandline -ct))' -d 'what $WORKDIR stands for (default: the current folder)'
complete -c vantioctl -n '__vantioctl_after 0 policy hash' -k -f -a '(__fish_complete_suffix .toml)'
complete -c vantioctl -n '__vantioctl_after 0 policy' -a push -d 'put a policy in force, or replace the one of its name'
complete -c vantioctl -n '__vantioctl_after + policy push' -l allow-degraded -d 'also where this kernel cannot deny a surface of [kernel] that the policy denies'
complete -c vantioctl -n '__vantioctl_after + policy push' -l workdir -s w -r -f -a '(__fish_complete_directories (commandline -ct))' -d 'what $WORKDIR stands for: an absolute path (default: nothing)'
complete -c vantioctl -n '__vantioctl_after 0 policy push' -k -f -a '(__fish_complete_suffix .toml)'
complete -c vantioctl -n '__vantioctl_after 0 policy' -a explain -d 'say whether one operation is allowed, and by which rule'
complete -c vantioctl -n '__vantioctl_after + policy explain' -l workdir -s w -r -f -a '(__fish_complete_directories (commandline -ct))' -d 'what $WORKDIR stands for (default: the current folder)'
complete -c vantioctl -n '__vantioctl_after 0 policy explain' -k -f -a '(__fish_complete_suffix .toml)'
complete -c vantioctl -n '__vantioctl_after 1 policy explain' -f -a ' read write create unlink rename link symlink mkdir rmdir mknod truncate chmod chown utimes setxattr removexattr setflags exec mmap_exec connect sendto bind listen mount ptrace signal bpf module userns raw_socket io_uring perf keyring'
complete -c vantioctl -n '__vantioctl_after 0 policy' -a test -d 'ask a list of questions and compare the verdicts'
complete -c vantioctl -n '__vantioctl_after + policy test' -l cases -s c -r -k -f -a '(__fish_complete_suffix .toml)' -d 'a TOML list of [[case]] with op, target, verdict'
complete -c vantioctl -n '__vantioctl_after + policy test' -l workdir -s w -r -f -a '(__fish_complete_directories (commandline -ct))' -d 'what $WORKDIR stands for (default: the current folder)'
complete -c vantioctl -n '__vantioctl_after 0 policy test' -k -f -a '(__fish_complete_suffix .toml)'
complete -c vantioctl -n '__vantioctl_after 0 policy' -a diff -d 'say what changes from one policy to another'
complete -c vantioctl -n '__vantioctl_after + policy diff' -l workdir -s w -r -f -a '(__fish_complete_directories (commandline -ct))' -d 'what $WORKDIR stands for (default: the current folder)'
complete -c vantioctl -n '__vantioctl_after 0 policy diff' -k -f -a '(__fish_complete_suffix .toml)'
complete -c vantioctl -n '__vantioctl_after 1 policy diff' -k -f -a '(__fish_complete_suffix .toml)'
complete -c vantioctl -n '__vantioctl_after 0 policy' -a replay -d 'say what a draft would have decided over the recorded decisions'
complete -c vantioctl -n '__vantioctl_after + policy replay' -l since -r -d 'decisions from this time on, RFC 3339 in UTC'
complete -c vantioctl -n '__vantioctl_after + policy replay' -l until -r -d 'decisions up to this time'
complete -c vantioctl -n '__vantioctl_after + policy replay' -l agent -r -f -a '(__vantioctl_values agent)' -d 'decisions on this agent'
complete -c vantioctl -n '__vantioctl_after + policy replay' -l limit -s n -r -d 'at most so many examples a rule (default 5)'
complete -c vantioctl -n '__vantioctl_after + policy replay' -l fail-on-change -d 'exit status 1 if a verdict would differ'
complete -c vantioctl -n '__vantioctl_after + policy replay' -l workdir -s w -r -f -a '(__fish_complete_directories (commandline -ct))' -d 'what $WORKDIR stands for (default: the current folder)'
complete -c vantioctl -n '__vantioctl_after 0 policy replay' -k -f -a '(__fish_complete_suffix .toml)'
complete -c vantioctl -n '__vantioctl_after 0 policy' -a presets -d 'list the presets that a policy can extend, or print one'
complete -c vantioctl -n '__vantioctl_after 0 policy presets' -f -a ' aider base build claude-code codex cursor-agent gemini-cli git loopback node opencode python'
complete -c vantioctl -n '__vantioctl_after 0 agent' -a enroll -d 'govern a cgroup with all below it, or a process with its descendants'
complete -c vantioctl -n '__vantioctl_after + agent enroll' -l name -s n -r -d 'what records call it: 1 to 63 of a-z 0-9 . _ -'
complete -c vantioctl -n '__vantioctl_after + agent enroll' -l policy -s p -r -d 'name of the policy in force that governs it'
complete -c vantioctl -n '__vantioctl_after + agent enroll' -l trace-id -r -f -a '(__vantioctl_values trace)' -d 'trace id of its processes (default: one is drawn)'
complete -c vantioctl -n '__vantioctl_after 0 agent' -a list -d 'show who is governed'
complete -c vantioctl -n '__vantioctl_after 0 agent' -a release -d 'let an agent go on that a limit or the kill switch halted'
complete -c vantioctl -n '__vantioctl_after 0 agent release' -f -a '(__vantioctl_values agent)'
complete -c vantioctl -n '__vantioctl_after 0 agent' -a remove -d 'stop governing an agent'
complete -c vantioctl -n '__vantioctl_after 0 agent remove' -f -a '(__vantioctl_values agent)'
complete -c vantioctl -n '__vantioctl_after + tail' -l follow -s f -d 'go on with each record as it is committed, until interrupted'
complete -c vantioctl -n '__vantioctl_after + tail' -l filter -r -d 'only records that match, such as decision=block,path~/work/*'
complete -c vantioctl -n '__vantioctl_after + tail' -l lines -s n -r -d 'begin with so many of the newest (default 10)'
complete -c vantioctl -n '__vantioctl_after + killswitch' -l soft -d 'refuse every governed operation and freeze the agents'
complete -c vantioctl -n '__vantioctl_after + killswitch' -l hard -d 'end every process of the agents'
complete -c vantioctl -n '__vantioctl_after + killswitch' -l release -d 'undo --soft, and let agents run again after --hard; who was quarantined stays so'
complete -c vantioctl -n '__vantioctl_after + killswitch' -l agent -s a -r -f -a '(__vantioctl_values agent)' -d 'this agent alone (default: every one)'
complete -c vantioctl -n '__vantioctl_after 0 killswitch' -f -a ' status'
complete -c vantioctl -n '__vantioctl_after 0 ledger' -a verify -d 'check every record against the signed log'
complete -c vantioctl -n '__vantioctl_after + ledger verify' -l against -r -F -d 'demand that the ledger continues this checkpoint'
complete -c vantioctl -n '__vantioctl_after + ledger verify' -l vkey -r -F -d 'the genesis verifier key that you trust, or a file that holds it'
complete -c vantioctl -n '__vantioctl_after + ledger verify' -l since -r -d 'read only the segments from this time, or this leaf, on'
complete -c vantioctl -n '__vantioctl_after + ledger verify' -l segment -r -d 'read only this segment'
complete -c vantioctl -n '__vantioctl_after + ledger verify' -l quorum -r -d 'demand that so many of the witnesses cosigned (default: all of them)'
complete -c vantioctl -n '__vantioctl_after + ledger verify' -l witness -r -F -d 'verifier key of a witness, or a file that holds it'
complete -c vantioctl -n '__vantioctl_after 0 ledger' -a list -d 'list the newest records, or those that match'
complete -c vantioctl -n '__vantioctl_after + ledger list' -l since -r -d 'from this time on, RFC 3339 in UTC'
complete -c vantioctl -n '__vantioctl_after + ledger list' -l until -r -d 'up to this time'
complete -c vantioctl -n '__vantioctl_after + ledger list' -l agent -r -f -a '(__vantioctl_values agent)' -d 'of this agent'
complete -c vantioctl -n '__vantioctl_after + ledger list' -l decision -r -f -a ' permit block quarantine killswitch' -d 'of this decision'
complete -c vantioctl -n '__vantioctl_after + ledger list' -l hook -r -d 'of this hook, such as file_open'
complete -c vantioctl -n '__vantioctl_after + ledger list' -l rule -r -d 'by this rule (file.deny[2]), or any of a list (file.deny)'
complete -c vantioctl -n '__vantioctl_after + ledger list' -l trace-id -r -f -a '(__vantioctl_values trace)' -d 'of this trace, 0x and hex digits'
complete -c vantioctl -n '__vantioctl_after + ledger list' -l filter -r -d 'that match, private fields too, such as path~/work/*,comm=git'
complete -c vantioctl -n '__vantioctl_after + ledger list' -l sort -r -f -a ' leaf time agent pid op decision rule count' -d 'in the order of this field, the first of all matches (default: of the log)'
complete -c vantioctl -n '__vantioctl_after + ledger list' -l reverse -s r -d 'the other way round'
complete -c vantioctl -n '__vantioctl_after + ledger list' -l limit -s n -r -d 'at most so many (default 50)'
complete -c vantioctl -n '__vantioctl_after + ledger list' -l after -r -d 'the next page: the first matches behind this leaf'
complete -c vantioctl -n '__vantioctl_after + ledger list' -l before -r -d 'the page before: the last matches before this leaf'
complete -c vantioctl -n '__vantioctl_after + ledger list' -l offset -r -d 'the next page of --sort: pass over so many matches'
complete -c vantioctl -n '__vantioctl_after 0 ledger' -a show -d 'show one record, public and private fields'
complete -c vantioctl -n '__vantioctl_after 0 ledger show' -f -a '(__vantioctl_values record)'
complete -c vantioctl -n '__vantioctl_after 0 ledger' -a stats -d 'count decisions over time, by agent, decision, rule, operation or hook'
complete -c vantioctl -n '__vantioctl_after + ledger stats' -l by -r -f -a ' agent decision rule op hook' -d 'what to count by (default: agent)'
complete -c vantioctl -n '__vantioctl_after + ledger stats' -l every -r -d 'count in spans of this length (default: what fits)'
complete -c vantioctl -n '__vantioctl_after + ledger stats' -l since -r -d 'from this time on, RFC 3339 in UTC'
complete -c vantioctl -n '__vantioctl_after + ledger stats' -l until -r -d 'up to this time'
complete -c vantioctl -n '__vantioctl_after + ledger stats' -l agent -r -f -a '(__vantioctl_values agent)' -d 'of this agent'
complete -c vantioctl -n '__vantioctl_after + ledger stats' -l decision -r -f -a ' permit block quarantine killswitch' -d 'of this decision'
complete -c vantioctl -n '__vantioctl_after + ledger stats' -l rule -r -d 'by this rule (file.deny[2]), or any of a list (file.deny)'
complete -c vantioctl -n '__vantioctl_after + ledger stats' -l limit -s n -r -d 'the N most frequent, the others together (default 20)'
complete -c vantioctl -n '__vantioctl_after 0 ledger' -a export -d 'write the log as it is stored, a JSON record a line'
complete -c vantioctl -n '__vantioctl_after + ledger export' -l format -r -f -a ' ndjson csv spanner tlog-tiles' -d 'what to write (default: ndjson)'
complete -c vantioctl -n '__vantioctl_after + ledger export' -l output-file -s o -r -F -d 'write here, not to standard output; a folder for spanner and tlog-tiles'
complete -c vantioctl -n '__vantioctl_after + ledger export' -l hmac-key -r -F -d 'add x_vantio_signature, the HMAC-SHA256 of each line as it is stored, by this key'
complete -c vantioctl -n '__vantioctl_after + ledger export' -l location -r -d 'spanner: where the parts will lie (default: gs://BUCKET)'
complete -c vantioctl -n '__vantioctl_after + ledger export' -l retain -r -d 'spanner: rows are deleted so many days after they came (default: 365)'
complete -c vantioctl -n '__vantioctl_after 0 ledger' -a prove -d 'write receipts: records that prove themselves offline'
complete -c vantioctl -n '__vantioctl_after + ledger prove' -l disclose -r -d 'private fields to disclose, with commas between (default: none)'
complete -c vantioctl -n '__vantioctl_after + ledger prove' -l checkpoint -r -F -d 'prove by this checkpoint, such as one that witnesses cosigned'
complete -c vantioctl -n '__vantioctl_after + ledger prove' -l output-file -s o -r -F -d 'write here; several receipts need a folder'
complete -c vantioctl -n '__vantioctl_after + ledger prove' -f -a '(__vantioctl_values record)'
complete -c vantioctl -n '__vantioctl_after 0 ledger' -a checkpoint -d 'print the newest signed checkpoint, to be kept elsewhere'
complete -c vantioctl -n '__vantioctl_after 0 ledger' -a cosign -d 'verify the ledger and cosign its checkpoint, as a witness'
complete -c vantioctl -n '__vantioctl_after + ledger cosign' -l key -r -F -d 'the witness\'s private key, as \'key generate --output-file\' makes it'
complete -c vantioctl -n '__vantioctl_after + ledger cosign' -l vkey -r -F -d 'the genesis verifier key that you trust, or a file that holds it'
complete -c vantioctl -n '__vantioctl_after + ledger cosign' -l output-file -s o -r -F -d 'write here, not to standard output'
complete -c vantioctl -n '__vantioctl_after 0 ledger cosign' -F
complete -c vantioctl -n '__vantioctl_after 0 ledger' -a keys -d 'list the signing keys and the records that each signed for'
complete -c vantioctl -n '__vantioctl_after 0 ledger' -a erase -d 'erase private values of old records; the log still verifies'
complete -c vantioctl -n '__vantioctl_after + ledger erase' -l field -r -f -a ' args_salt resource syscall_args comm exe cgroup' -d 'the private field; may be given again'
complete -c vantioctl -n '__vantioctl_after + ledger erase' -l before -r -d 'of records before this time, RFC 3339 in UTC'
complete -c vantioctl -n '__vantioctl_after + ledger erase' -l dry-run -s n -d 'only say what would be erased'
complete -c vantioctl -n '__vantioctl_after 0 ledger' -a reindex -d 'build the index anew from the log'
complete -c vantioctl -n '__vantioctl_after 0 receipt' -a verify -d 'check a receipt; nothing else is needed'
complete -c vantioctl -n '__vantioctl_after + receipt verify' -l vkey -r -F -d 'the genesis verifier key that you trust, or a file that holds it'
complete -c vantioctl -n '__vantioctl_after + receipt verify' -l quorum -r -d 'demand that so many of the witnesses cosigned (default: all of them)'
complete -c vantioctl -n '__vantioctl_after + receipt verify' -l witness -r -F -d 'verifier key of a witness, or a file that holds it'
complete -c vantioctl -n '__vantioctl_after 0 receipt verify' -F
complete -c vantioctl -n '__vantioctl_after 0 phantom' -a list -d 'list what runs left to be committed or dropped'
complete -c vantioctl -n '__vantioctl_after 0 phantom' -a diff -d 'show what a phantom would change on the host'
complete -c vantioctl -n '__vantioctl_after + phantom diff' -l patch -d 'print unified diffs, not only names'
complete -c vantioctl -n '__vantioctl_after + phantom diff' -F
complete -c vantioctl -n '__vantioctl_after 0 phantom' -a commit -d 'put what a phantom changed onto the host'
complete -c vantioctl -n '__vantioctl_after + phantom commit' -l force -d 'overwrite what was changed on the host since'
complete -c vantioctl -n '__vantioctl_after + phantom commit' -F
complete -c vantioctl -n '__vantioctl_after 0 phantom' -a collapse -d 'drop a phantom and all that it changed'
complete -c vantioctl -n '__vantioctl_after 0 key' -a generate -d 'make the ledger\'s signing key, or one in a file, and print its verifier key'
complete -c vantioctl -n '__vantioctl_after + key generate' -l output-file -s o -r -F -d 'write a private key of its own here, not the ledger\'s'
complete -c vantioctl -n '__vantioctl_after + key generate' -l name -r -d 'the name of the key in --output-file'
complete -c vantioctl -n '__vantioctl_after 0 key' -a show -d 'print the verifier key of the ledger, or of a private key file'
complete -c vantioctl -n '__vantioctl_after + key show' -l as-witness -d 'print it as the verifier key of a witness, who cosigns checkpoints with it'
complete -c vantioctl -n '__vantioctl_after 0 key show' -F
complete -c vantioctl -n '__vantioctl_after 0 key' -a rotate -d 'seal the ledger\'s epoch, sign on with a new key, and erase the old one'
complete -c vantioctl -n '__vantioctl_after + completion' -l values -r -f -a ' agent record trace' -d 'print what may stand for such a value, for the scripts'
complete -c vantioctl -n '__vantioctl_after 0 completion' -f -a ' bash zsh fish'

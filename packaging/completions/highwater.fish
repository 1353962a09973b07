# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_highwater_global_optspecs
    string join \n config= state-dir= root= h/help V/version
end

function __fish_highwater_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_highwater_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_highwater_using_subcommand
    set -l cmd (__fish_highwater_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c highwater -n "__fish_highwater_needs_command" -l config -d 'The configuration file [default: $HIGHWATER_CONFIG, else /etc/highwater/highwater.toml where it exists, else none]' -r -F
complete -c highwater -n "__fish_highwater_needs_command" -l state-dir -d 'Where the ledger is kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater, else ~/.local/state/highwater]' -r
complete -c highwater -n "__fish_highwater_needs_command" -l root -d 'The root of the file system that is metered [default: /]' -r
complete -c highwater -n "__fish_highwater_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c highwater -n "__fish_highwater_needs_command" -s V -l version -d 'Print version'
complete -c highwater -n "__fish_highwater_needs_command" -f -a "run" -d 'Runs the agent in the foreground: one sample and one log line a slot'
complete -c highwater -n "__fish_highwater_needs_command" -f -a "once" -d 'Takes one sample now and prints it; writes nothing'
complete -c highwater -n "__fish_highwater_needs_command" -f -a "status" -d 'Tells how the agent is doing: last sample, gate, today\'s peaks'
complete -c highwater -n "__fish_highwater_needs_command" -f -a "peaks" -d 'Shows the peaks of days, with a sparkline of each day'
complete -c highwater -n "__fish_highwater_needs_command" -f -a "activate" -d 'Joins a central with an enrolment token: makes the instance\'s key, and keeps what central grants'
complete -c highwater -n "__fish_highwater_needs_command" -f -a "report" -d 'Lists the reports that were sent and that wait, or shows one whole'
complete -c highwater -n "__fish_highwater_needs_command" -f -a "push" -d 'Sends what waits to central now, and tells what came of it'
complete -c highwater -n "__fish_highwater_needs_command" -f -a "export" -d 'Writes what waits into a file, to be carried to central by hand'
complete -c highwater -n "__fish_highwater_needs_command" -f -a "import" -d 'Takes in what central answered to an export: receipts, licences, an activation'
complete -c highwater -n "__fish_highwater_needs_command" -f -a "prune" -d 'Drops the bytes of reports that central has; never of one without a receipt'
complete -c highwater -n "__fish_highwater_needs_command" -f -a "gate" -d 'Tells whether the metered software may run'
complete -c highwater -n "__fish_highwater_needs_command" -f -a "license" -d 'Shows, installs, renews and fetches licences'
complete -c highwater -n "__fish_highwater_needs_command" -f -a "courier" -d 'Carries bundles of hosts without a connection to central, and brings back the receipts'
complete -c highwater -n "__fish_highwater_needs_command" -f -a "verify" -d 'Walks the ledger\'s hash chain and names the first row that does not fit'
complete -c highwater -n "__fish_highwater_needs_command" -f -a "check-config" -d 'Shows the configuration in effect, or every mistake in it at once'
complete -c highwater -n "__fish_highwater_needs_command" -f -a "doctor" -d 'Tries each source and what the agent needs, and says what to do where something is missing'
complete -c highwater -n "__fish_highwater_needs_command" -f -a "completions" -d 'Prints a completion script for a shell'
complete -c highwater -n "__fish_highwater_needs_command" -f -a "logs-schema" -d 'Prints the contract of the log\'s events as a JSON Schema (2020-12), for lines of log.format = "json"'
complete -c highwater -n "__fish_highwater_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c highwater -n "__fish_highwater_using_subcommand run" -l config -d 'The configuration file [default: $HIGHWATER_CONFIG, else /etc/highwater/highwater.toml where it exists, else none]' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand run" -l state-dir -d 'Where the ledger is kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater, else ~/.local/state/highwater]' -r
complete -c highwater -n "__fish_highwater_using_subcommand run" -l root -d 'The root of the file system that is metered [default: /]' -r
complete -c highwater -n "__fish_highwater_using_subcommand run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c highwater -n "__fish_highwater_using_subcommand once" -l window -d 'How long counters are watched to make a rate, in seconds' -r
complete -c highwater -n "__fish_highwater_using_subcommand once" -l config -d 'The configuration file [default: $HIGHWATER_CONFIG, else /etc/highwater/highwater.toml where it exists, else none]' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand once" -l state-dir -d 'Where the ledger is kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater, else ~/.local/state/highwater]' -r
complete -c highwater -n "__fish_highwater_using_subcommand once" -l root -d 'The root of the file system that is metered [default: /]' -r
complete -c highwater -n "__fish_highwater_using_subcommand once" -l json -d 'Print JSON (docs/json.md)'
complete -c highwater -n "__fish_highwater_using_subcommand once" -s h -l help -d 'Print help'
complete -c highwater -n "__fish_highwater_using_subcommand status" -l config -d 'The configuration file [default: $HIGHWATER_CONFIG, else /etc/highwater/highwater.toml where it exists, else none]' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand status" -l state-dir -d 'Where the ledger is kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater, else ~/.local/state/highwater]' -r
complete -c highwater -n "__fish_highwater_using_subcommand status" -l root -d 'The root of the file system that is metered [default: /]' -r
complete -c highwater -n "__fish_highwater_using_subcommand status" -l json -d 'Print JSON (docs/json.md)'
complete -c highwater -n "__fish_highwater_using_subcommand status" -s h -l help -d 'Print help'
complete -c highwater -n "__fish_highwater_using_subcommand peaks" -l from -d 'The first day, as YYYY-MM-DD [default: a week before the last]' -r
complete -c highwater -n "__fish_highwater_using_subcommand peaks" -l to -d 'The last day, as YYYY-MM-DD [default: the newest]' -r
complete -c highwater -n "__fish_highwater_using_subcommand peaks" -l meter -d 'Only this meter: ram_capacity, network_throughput, ssl_tps, vs_bytes, network_throughput_burst or ssl_tps_burst' -r
complete -c highwater -n "__fish_highwater_using_subcommand peaks" -l config -d 'The configuration file [default: $HIGHWATER_CONFIG, else /etc/highwater/highwater.toml where it exists, else none]' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand peaks" -l state-dir -d 'Where the ledger is kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater, else ~/.local/state/highwater]' -r
complete -c highwater -n "__fish_highwater_using_subcommand peaks" -l root -d 'The root of the file system that is metered [default: /]' -r
complete -c highwater -n "__fish_highwater_using_subcommand peaks" -l json -d 'Print JSON (docs/json.md)'
complete -c highwater -n "__fish_highwater_using_subcommand peaks" -l csv -d 'Print CSV, one line a series and day'
complete -c highwater -n "__fish_highwater_using_subcommand peaks" -s h -l help -d 'Print help'
complete -c highwater -n "__fish_highwater_using_subcommand activate" -l central -d 'Where central is, such as `https://central.example.com` [default: uplink.url of the configuration]' -r
complete -c highwater -n "__fish_highwater_using_subcommand activate" -l ca-file -d 'A PEM file of the certificates that central\'s is held to, kept for the reports to come [default: uplink.ca_file, else the host\'s]' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand activate" -l token -d 'The enrolment token; `-` reads it from standard input. Given here as it is, every user of the host can see it' -r
complete -c highwater -n "__fish_highwater_using_subcommand activate" -l token-file -d 'A file that holds the enrolment token [default: $HIGHWATER_ENROLMENT_TOKEN]' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand activate" -l export -d 'Open no connection: write the request into a file, to be carried to central; `highwater import` takes in its answer' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand activate" -l config -d 'The configuration file [default: $HIGHWATER_CONFIG, else /etc/highwater/highwater.toml where it exists, else none]' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand activate" -l state-dir -d 'Where the ledger is kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater, else ~/.local/state/highwater]' -r
complete -c highwater -n "__fish_highwater_using_subcommand activate" -l root -d 'The root of the file system that is metered [default: /]' -r
complete -c highwater -n "__fish_highwater_using_subcommand activate" -l force -d 'Write over the file of --export where it is there'
complete -c highwater -n "__fish_highwater_using_subcommand activate" -l again -d 'Join anew where this host has joined already: another central, or the same once more'
complete -c highwater -n "__fish_highwater_using_subcommand activate" -l json -d 'Print JSON (docs/json.md)'
complete -c highwater -n "__fish_highwater_using_subcommand activate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c highwater -n "__fish_highwater_using_subcommand report" -l last -d 'How many of the newest reports to list' -r
complete -c highwater -n "__fish_highwater_using_subcommand report" -l config -d 'The configuration file [default: $HIGHWATER_CONFIG, else /etc/highwater/highwater.toml where it exists, else none]' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand report" -l state-dir -d 'Where the ledger is kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater, else ~/.local/state/highwater]' -r
complete -c highwater -n "__fish_highwater_using_subcommand report" -l root -d 'The root of the file system that is metered [default: /]' -r
complete -c highwater -n "__fish_highwater_using_subcommand report" -l json -d 'Print JSON (docs/json.md)'
complete -c highwater -n "__fish_highwater_using_subcommand report" -s h -l help -d 'Print help'
complete -c highwater -n "__fish_highwater_using_subcommand push" -l config -d 'The configuration file [default: $HIGHWATER_CONFIG, else /etc/highwater/highwater.toml where it exists, else none]' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand push" -l state-dir -d 'Where the ledger is kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater, else ~/.local/state/highwater]' -r
complete -c highwater -n "__fish_highwater_using_subcommand push" -l root -d 'The root of the file system that is metered [default: /]' -r
complete -c highwater -n "__fish_highwater_using_subcommand push" -l open-day -d 'Report the open day, too, up to its last slot; the day\'s own report supersedes it later'
complete -c highwater -n "__fish_highwater_using_subcommand push" -l retry-parked -d 'Send again what central refused for good'
complete -c highwater -n "__fish_highwater_using_subcommand push" -l json -d 'Print JSON (docs/json.md)'
complete -c highwater -n "__fish_highwater_using_subcommand push" -s h -l help -d 'Print help'
complete -c highwater -n "__fish_highwater_using_subcommand export" -s o -l output -d 'The file to write; `-` is standard output' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand export" -l config -d 'The configuration file [default: $HIGHWATER_CONFIG, else /etc/highwater/highwater.toml where it exists, else none]' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand export" -l state-dir -d 'Where the ledger is kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater, else ~/.local/state/highwater]' -r
complete -c highwater -n "__fish_highwater_using_subcommand export" -l root -d 'The root of the file system that is metered [default: /]' -r
complete -c highwater -n "__fish_highwater_using_subcommand export" -l open-day -d 'Report the open day, too, up to its last slot; the day\'s own report supersedes it later'
complete -c highwater -n "__fish_highwater_using_subcommand export" -l retry-parked -d 'Send again what central refused for good'
complete -c highwater -n "__fish_highwater_using_subcommand export" -l force -d 'Write over a file that is there'
complete -c highwater -n "__fish_highwater_using_subcommand export" -l show -d 'Write no file and change nothing: show what would be in it, every field that is sent, as JSON'
complete -c highwater -n "__fish_highwater_using_subcommand export" -l json -d 'Print JSON (docs/json.md)'
complete -c highwater -n "__fish_highwater_using_subcommand export" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c highwater -n "__fish_highwater_using_subcommand import" -l config -d 'The configuration file [default: $HIGHWATER_CONFIG, else /etc/highwater/highwater.toml where it exists, else none]' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand import" -l state-dir -d 'Where the ledger is kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater, else ~/.local/state/highwater]' -r
complete -c highwater -n "__fish_highwater_using_subcommand import" -l root -d 'The root of the file system that is metered [default: /]' -r
complete -c highwater -n "__fish_highwater_using_subcommand import" -l json -d 'Print JSON (docs/json.md)'
complete -c highwater -n "__fish_highwater_using_subcommand import" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c highwater -n "__fish_highwater_using_subcommand prune" -l keep -d 'Keep those of the last DAYS days' -r
complete -c highwater -n "__fish_highwater_using_subcommand prune" -l config -d 'The configuration file [default: $HIGHWATER_CONFIG, else /etc/highwater/highwater.toml where it exists, else none]' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand prune" -l state-dir -d 'Where the ledger is kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater, else ~/.local/state/highwater]' -r
complete -c highwater -n "__fish_highwater_using_subcommand prune" -l root -d 'The root of the file system that is metered [default: /]' -r
complete -c highwater -n "__fish_highwater_using_subcommand prune" -l dry-run -d 'Drop nothing: say what would be'
complete -c highwater -n "__fish_highwater_using_subcommand prune" -l json -d 'Print JSON (docs/json.md)'
complete -c highwater -n "__fish_highwater_using_subcommand prune" -s h -l help -d 'Print help'
complete -c highwater -n "__fish_highwater_using_subcommand gate" -l socket -d 'Ask the agent at its Unix socket' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand gate" -l status-file -d 'Read this status file [default: the one that gate.status_file sets, or that of a packaged agent]' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand gate" -l wait -d 'Wait until the software may run, at most so long' -r
complete -c highwater -n "__fish_highwater_using_subcommand gate" -l config -d 'The configuration file [default: $HIGHWATER_CONFIG, else /etc/highwater/highwater.toml where it exists, else none]' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand gate" -l state-dir -d 'Where the ledger is kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater, else ~/.local/state/highwater]' -r
complete -c highwater -n "__fish_highwater_using_subcommand gate" -l root -d 'The root of the file system that is metered [default: /]' -r
complete -c highwater -n "__fish_highwater_using_subcommand gate" -l stages -d 'Tell the stages apart by the exit code: 0 open, 10 warning, 11 critical, 12 closed, 13 unknown'
complete -c highwater -n "__fish_highwater_using_subcommand gate" -l alive -d 'Exit with 0 whatever the gate\'s stage is: whether the agent has told one lately is all that a liveness probe asks'
complete -c highwater -n "__fish_highwater_using_subcommand gate" -l json -d 'Print JSON (docs/json.md)'
complete -c highwater -n "__fish_highwater_using_subcommand gate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c highwater -n "__fish_highwater_using_subcommand license; and not __fish_seen_subcommand_from show install renew fetch help" -l config -d 'The configuration file [default: $HIGHWATER_CONFIG, else /etc/highwater/highwater.toml where it exists, else none]' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand license; and not __fish_seen_subcommand_from show install renew fetch help" -l state-dir -d 'Where the ledger is kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater, else ~/.local/state/highwater]' -r
complete -c highwater -n "__fish_highwater_using_subcommand license; and not __fish_seen_subcommand_from show install renew fetch help" -l root -d 'The root of the file system that is metered [default: /]' -r
complete -c highwater -n "__fish_highwater_using_subcommand license; and not __fish_seen_subcommand_from show install renew fetch help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c highwater -n "__fish_highwater_using_subcommand license; and not __fish_seen_subcommand_from show install renew fetch help" -f -a "show" -d 'Shows the licence that counts, or checks a file before it is installed'
complete -c highwater -n "__fish_highwater_using_subcommand license; and not __fish_seen_subcommand_from show install renew fetch help" -f -a "install" -d 'Puts a licence that was carried here into the place of an older one'
complete -c highwater -n "__fish_highwater_using_subcommand license; and not __fish_seen_subcommand_from show install renew fetch help" -f -a "renew" -d 'Asks central for the next licence now'
complete -c highwater -n "__fish_highwater_using_subcommand license; and not __fish_seen_subcommand_from show install renew fetch help" -f -a "fetch" -d 'Fetches an instance\'s licence from central, on a host without an agent'
complete -c highwater -n "__fish_highwater_using_subcommand license; and not __fish_seen_subcommand_from show install renew fetch help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c highwater -n "__fish_highwater_using_subcommand license; and __fish_seen_subcommand_from show" -l config -d 'The configuration file [default: $HIGHWATER_CONFIG, else /etc/highwater/highwater.toml where it exists, else none]' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand license; and __fish_seen_subcommand_from show" -l state-dir -d 'Where the ledger is kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater, else ~/.local/state/highwater]' -r
complete -c highwater -n "__fish_highwater_using_subcommand license; and __fish_seen_subcommand_from show" -l root -d 'The root of the file system that is metered [default: /]' -r
complete -c highwater -n "__fish_highwater_using_subcommand license; and __fish_seen_subcommand_from show" -l json -d 'Print JSON (docs/json.md)'
complete -c highwater -n "__fish_highwater_using_subcommand license; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c highwater -n "__fish_highwater_using_subcommand license; and __fish_seen_subcommand_from install" -l config -d 'The configuration file [default: $HIGHWATER_CONFIG, else /etc/highwater/highwater.toml where it exists, else none]' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand license; and __fish_seen_subcommand_from install" -l state-dir -d 'Where the ledger is kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater, else ~/.local/state/highwater]' -r
complete -c highwater -n "__fish_highwater_using_subcommand license; and __fish_seen_subcommand_from install" -l root -d 'The root of the file system that is metered [default: /]' -r
complete -c highwater -n "__fish_highwater_using_subcommand license; and __fish_seen_subcommand_from install" -l json -d 'Print JSON (docs/json.md)'
complete -c highwater -n "__fish_highwater_using_subcommand license; and __fish_seen_subcommand_from install" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c highwater -n "__fish_highwater_using_subcommand license; and __fish_seen_subcommand_from renew" -l config -d 'The configuration file [default: $HIGHWATER_CONFIG, else /etc/highwater/highwater.toml where it exists, else none]' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand license; and __fish_seen_subcommand_from renew" -l state-dir -d 'Where the ledger is kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater, else ~/.local/state/highwater]' -r
complete -c highwater -n "__fish_highwater_using_subcommand license; and __fish_seen_subcommand_from renew" -l root -d 'The root of the file system that is metered [default: /]' -r
complete -c highwater -n "__fish_highwater_using_subcommand license; and __fish_seen_subcommand_from renew" -l json -d 'Print JSON (docs/json.md)'
complete -c highwater -n "__fish_highwater_using_subcommand license; and __fish_seen_subcommand_from renew" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c highwater -n "__fish_highwater_using_subcommand license; and __fish_seen_subcommand_from fetch" -l central -d 'Where central is, such as `https://central.example.com`' -r
complete -c highwater -n "__fish_highwater_using_subcommand license; and __fish_seen_subcommand_from fetch" -l instance -d 'The instance\'s id, as `highwater status` shows it there' -r
complete -c highwater -n "__fish_highwater_using_subcommand license; and __fish_seen_subcommand_from fetch" -l service-token-file -d 'A file that holds the service token; `-` reads it from standard input' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand license; and __fish_seen_subcommand_from fetch" -s o -l output -d 'Write the licence to this file, in the place of an older one of the same instance [default: standard output]' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand license; and __fish_seen_subcommand_from fetch" -l ca-file -d 'A PEM file of the certificates that central\'s is held to [default: the host\'s]' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand license; and __fish_seen_subcommand_from fetch" -l proxy -d 'The forward proxy to central: `http://HOST:PORT`, or `none` [default: what HTTPS_PROXY and NO_PROXY say]' -r
complete -c highwater -n "__fish_highwater_using_subcommand license; and __fish_seen_subcommand_from fetch" -l config -d 'The configuration file [default: $HIGHWATER_CONFIG, else /etc/highwater/highwater.toml where it exists, else none]' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand license; and __fish_seen_subcommand_from fetch" -l state-dir -d 'Where the ledger is kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater, else ~/.local/state/highwater]' -r
complete -c highwater -n "__fish_highwater_using_subcommand license; and __fish_seen_subcommand_from fetch" -l root -d 'The root of the file system that is metered [default: /]' -r
complete -c highwater -n "__fish_highwater_using_subcommand license; and __fish_seen_subcommand_from fetch" -l json -d 'Print JSON (docs/json.md); the licence then goes to the file only'
complete -c highwater -n "__fish_highwater_using_subcommand license; and __fish_seen_subcommand_from fetch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c highwater -n "__fish_highwater_using_subcommand license; and __fish_seen_subcommand_from help" -f -a "show" -d 'Shows the licence that counts, or checks a file before it is installed'
complete -c highwater -n "__fish_highwater_using_subcommand license; and __fish_seen_subcommand_from help" -f -a "install" -d 'Puts a licence that was carried here into the place of an older one'
complete -c highwater -n "__fish_highwater_using_subcommand license; and __fish_seen_subcommand_from help" -f -a "renew" -d 'Asks central for the next licence now'
complete -c highwater -n "__fish_highwater_using_subcommand license; and __fish_seen_subcommand_from help" -f -a "fetch" -d 'Fetches an instance\'s licence from central, on a host without an agent'
complete -c highwater -n "__fish_highwater_using_subcommand license; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c highwater -n "__fish_highwater_using_subcommand courier" -s o -l output -d 'Where the bundle of receipts and licences is put; it is for all of these hosts' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand courier" -l central -d 'Where central is, such as `https://central.example.com`' -r
complete -c highwater -n "__fish_highwater_using_subcommand courier" -l ca-file -d 'A PEM file of the certificates that central\'s is held to [default: the host\'s]' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand courier" -l proxy -d 'A forward proxy, such as `http://proxy:3128`, or `none` [default: what HTTPS_PROXY and NO_PROXY say]' -r
complete -c highwater -n "__fish_highwater_using_subcommand courier" -l jobs -d 'So many files are on their way at one time' -r
complete -c highwater -n "__fish_highwater_using_subcommand courier" -l tries -d 'So often a file is sent, with growing pauses, before central counts as away' -r
complete -c highwater -n "__fish_highwater_using_subcommand courier" -l config -d 'The configuration file [default: $HIGHWATER_CONFIG, else /etc/highwater/highwater.toml where it exists, else none]' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand courier" -l state-dir -d 'Where the ledger is kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater, else ~/.local/state/highwater]' -r
complete -c highwater -n "__fish_highwater_using_subcommand courier" -l root -d 'The root of the file system that is metered [default: /]' -r
complete -c highwater -n "__fish_highwater_using_subcommand courier" -l delete -d 'Remove each file that was taken as a whole, once BACK is on the disk; one that was touched within ten minutes stays'
complete -c highwater -n "__fish_highwater_using_subcommand courier" -l force -d 'Write over BACK where it is there already'
complete -c highwater -n "__fish_highwater_using_subcommand courier" -l json -d 'Print JSON (docs/json.md)'
complete -c highwater -n "__fish_highwater_using_subcommand courier" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c highwater -n "__fish_highwater_using_subcommand verify" -l config -d 'The configuration file [default: $HIGHWATER_CONFIG, else /etc/highwater/highwater.toml where it exists, else none]' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand verify" -l state-dir -d 'Where the ledger is kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater, else ~/.local/state/highwater]' -r
complete -c highwater -n "__fish_highwater_using_subcommand verify" -l root -d 'The root of the file system that is metered [default: /]' -r
complete -c highwater -n "__fish_highwater_using_subcommand verify" -l json -d 'Print JSON (docs/json.md)'
complete -c highwater -n "__fish_highwater_using_subcommand verify" -s h -l help -d 'Print help'
complete -c highwater -n "__fish_highwater_using_subcommand check-config" -l config -d 'The configuration file [default: $HIGHWATER_CONFIG, else /etc/highwater/highwater.toml where it exists, else none]' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand check-config" -l state-dir -d 'Where the ledger is kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater, else ~/.local/state/highwater]' -r
complete -c highwater -n "__fish_highwater_using_subcommand check-config" -l root -d 'The root of the file system that is metered [default: /]' -r
complete -c highwater -n "__fish_highwater_using_subcommand check-config" -l json -d 'Print JSON (docs/json.md)'
complete -c highwater -n "__fish_highwater_using_subcommand check-config" -s h -l help -d 'Print help'
complete -c highwater -n "__fish_highwater_using_subcommand doctor" -l config -d 'The configuration file [default: $HIGHWATER_CONFIG, else /etc/highwater/highwater.toml where it exists, else none]' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand doctor" -l state-dir -d 'Where the ledger is kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater, else ~/.local/state/highwater]' -r
complete -c highwater -n "__fish_highwater_using_subcommand doctor" -l root -d 'The root of the file system that is metered [default: /]' -r
complete -c highwater -n "__fish_highwater_using_subcommand doctor" -l json -d 'Print JSON (docs/json.md)'
complete -c highwater -n "__fish_highwater_using_subcommand doctor" -s h -l help -d 'Print help'
complete -c highwater -n "__fish_highwater_using_subcommand completions" -l config -d 'The configuration file [default: $HIGHWATER_CONFIG, else /etc/highwater/highwater.toml where it exists, else none]' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand completions" -l state-dir -d 'Where the ledger is kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater, else ~/.local/state/highwater]' -r
complete -c highwater -n "__fish_highwater_using_subcommand completions" -l root -d 'The root of the file system that is metered [default: /]' -r
complete -c highwater -n "__fish_highwater_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c highwater -n "__fish_highwater_using_subcommand logs-schema" -l config -d 'The configuration file [default: $HIGHWATER_CONFIG, else /etc/highwater/highwater.toml where it exists, else none]' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand logs-schema" -l state-dir -d 'Where the ledger is kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater, else ~/.local/state/highwater]' -r
complete -c highwater -n "__fish_highwater_using_subcommand logs-schema" -l root -d 'The root of the file system that is metered [default: /]' -r
complete -c highwater -n "__fish_highwater_using_subcommand logs-schema" -s h -l help -d 'Print help'
complete -c highwater -n "__fish_highwater_using_subcommand help; and not __fish_seen_subcommand_from run once status peaks activate report push export import prune gate license courier verify check-config doctor completions logs-schema help" -f -a "run" -d 'Runs the agent in the foreground: one sample and one log line a slot'
complete -c highwater -n "__fish_highwater_using_subcommand help; and not __fish_seen_subcommand_from run once status peaks activate report push export import prune gate license courier verify check-config doctor completions logs-schema help" -f -a "once" -d 'Takes one sample now and prints it; writes nothing'
complete -c highwater -n "__fish_highwater_using_subcommand help; and not __fish_seen_subcommand_from run once status peaks activate report push export import prune gate license courier verify check-config doctor completions logs-schema help" -f -a "status" -d 'Tells how the agent is doing: last sample, gate, today\'s peaks'
complete -c highwater -n "__fish_highwater_using_subcommand help; and not __fish_seen_subcommand_from run once status peaks activate report push export import prune gate license courier verify check-config doctor completions logs-schema help" -f -a "peaks" -d 'Shows the peaks of days, with a sparkline of each day'
complete -c highwater -n "__fish_highwater_using_subcommand help; and not __fish_seen_subcommand_from run once status peaks activate report push export import prune gate license courier verify check-config doctor completions logs-schema help" -f -a "activate" -d 'Joins a central with an enrolment token: makes the instance\'s key, and keeps what central grants'
complete -c highwater -n "__fish_highwater_using_subcommand help; and not __fish_seen_subcommand_from run once status peaks activate report push export import prune gate license courier verify check-config doctor completions logs-schema help" -f -a "report" -d 'Lists the reports that were sent and that wait, or shows one whole'
complete -c highwater -n "__fish_highwater_using_subcommand help; and not __fish_seen_subcommand_from run once status peaks activate report push export import prune gate license courier verify check-config doctor completions logs-schema help" -f -a "push" -d 'Sends what waits to central now, and tells what came of it'
complete -c highwater -n "__fish_highwater_using_subcommand help; and not __fish_seen_subcommand_from run once status peaks activate report push export import prune gate license courier verify check-config doctor completions logs-schema help" -f -a "export" -d 'Writes what waits into a file, to be carried to central by hand'
complete -c highwater -n "__fish_highwater_using_subcommand help; and not __fish_seen_subcommand_from run once status peaks activate report push export import prune gate license courier verify check-config doctor completions logs-schema help" -f -a "import" -d 'Takes in what central answered to an export: receipts, licences, an activation'
complete -c highwater -n "__fish_highwater_using_subcommand help; and not __fish_seen_subcommand_from run once status peaks activate report push export import prune gate license courier verify check-config doctor completions logs-schema help" -f -a "prune" -d 'Drops the bytes of reports that central has; never of one without a receipt'
complete -c highwater -n "__fish_highwater_using_subcommand help; and not __fish_seen_subcommand_from run once status peaks activate report push export import prune gate license courier verify check-config doctor completions logs-schema help" -f -a "gate" -d 'Tells whether the metered software may run'
complete -c highwater -n "__fish_highwater_using_subcommand help; and not __fish_seen_subcommand_from run once status peaks activate report push export import prune gate license courier verify check-config doctor completions logs-schema help" -f -a "license" -d 'Shows, installs, renews and fetches licences'
complete -c highwater -n "__fish_highwater_using_subcommand help; and not __fish_seen_subcommand_from run once status peaks activate report push export import prune gate license courier verify check-config doctor completions logs-schema help" -f -a "courier" -d 'Carries bundles of hosts without a connection to central, and brings back the receipts'
complete -c highwater -n "__fish_highwater_using_subcommand help; and not __fish_seen_subcommand_from run once status peaks activate report push export import prune gate license courier verify check-config doctor completions logs-schema help" -f -a "verify" -d 'Walks the ledger\'s hash chain and names the first row that does not fit'
complete -c highwater -n "__fish_highwater_using_subcommand help; and not __fish_seen_subcommand_from run once status peaks activate report push export import prune gate license courier verify check-config doctor completions logs-schema help" -f -a "check-config" -d 'Shows the configuration in effect, or every mistake in it at once'
complete -c highwater -n "__fish_highwater_using_subcommand help; and not __fish_seen_subcommand_from run once status peaks activate report push export import prune gate license courier verify check-config doctor completions logs-schema help" -f -a "doctor" -d 'Tries each source and what the agent needs, and says what to do where something is missing'
complete -c highwater -n "__fish_highwater_using_subcommand help; and not __fish_seen_subcommand_from run once status peaks activate report push export import prune gate license courier verify check-config doctor completions logs-schema help" -f -a "completions" -d 'Prints a completion script for a shell'
complete -c highwater -n "__fish_highwater_using_subcommand help; and not __fish_seen_subcommand_from run once status peaks activate report push export import prune gate license courier verify check-config doctor completions logs-schema help" -f -a "logs-schema" -d 'Prints the contract of the log\'s events as a JSON Schema (2020-12), for lines of log.format = "json"'
complete -c highwater -n "__fish_highwater_using_subcommand help; and not __fish_seen_subcommand_from run once status peaks activate report push export import prune gate license courier verify check-config doctor completions logs-schema help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c highwater -n "__fish_highwater_using_subcommand help; and __fish_seen_subcommand_from license" -f -a "show" -d 'Shows the licence that counts, or checks a file before it is installed'
complete -c highwater -n "__fish_highwater_using_subcommand help; and __fish_seen_subcommand_from license" -f -a "install" -d 'Puts a licence that was carried here into the place of an older one'
complete -c highwater -n "__fish_highwater_using_subcommand help; and __fish_seen_subcommand_from license" -f -a "renew" -d 'Asks central for the next licence now'
complete -c highwater -n "__fish_highwater_using_subcommand help; and __fish_seen_subcommand_from license" -f -a "fetch" -d 'Fetches an instance\'s licence from central, on a host without an agent'

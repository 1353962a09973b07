# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_highwater_central_global_optspecs
    string join \n data-dir= database-url= h/help V/version
end

function __fish_highwater_central_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_highwater_central_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_highwater_central_using_subcommand
    set -l cmd (__fish_highwater_central_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c highwater-central -n "__fish_highwater_central_needs_command" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_needs_command" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c highwater-central -n "__fish_highwater_central_needs_command" -s V -l version -d 'Print version'
complete -c highwater-central -n "__fish_highwater_central_needs_command" -f -a "serve" -d 'Runs the service in the foreground'
complete -c highwater-central -n "__fish_highwater_central_needs_command" -f -a "contract" -d 'Makes, shows, changes and revokes contracts'
complete -c highwater-central -n "__fish_highwater_central_needs_command" -f -a "token" -d 'Makes, shows and revokes enrolment tokens, by which agents join'
complete -c highwater-central -n "__fish_highwater_central_needs_command" -f -a "activation" -d 'Shows the instances that have joined; confirms, disables, enables and deletes activations'
complete -c highwater-central -n "__fish_highwater_central_needs_command" -f -a "cluster" -d 'Shows the clusters that instances run in, their nodes, and what they used'
complete -c highwater-central -n "__fish_highwater_central_needs_command" -f -a "license" -d 'Shows the licences that were issued, and issues one'
complete -c highwater-central -n "__fish_highwater_central_needs_command" -f -a "report" -d 'Shows the reports that came'
complete -c highwater-central -n "__fish_highwater_central_needs_command" -f -a "alarm" -d 'Shows what someone should look at: forks, holes, broken chains, clones'
complete -c highwater-central -n "__fish_highwater_central_needs_command" -f -a "audit" -d 'Shows who changed what, and when'
complete -c highwater-central -n "__fish_highwater_central_needs_command" -f -a "key" -d 'Shows the keys that receipts are signed with, and makes a new one'
complete -c highwater-central -n "__fish_highwater_central_needs_command" -f -a "admin-token" -d 'Makes, shows and revokes tokens for the REST API'
complete -c highwater-central -n "__fish_highwater_central_needs_command" -f -a "service-token" -d 'Makes, shows and revokes tokens that fetch the licences of one contract'
complete -c highwater-central -n "__fish_highwater_central_needs_command" -f -a "completions" -d 'Prints a completion script for a shell'
complete -c highwater-central -n "__fish_highwater_central_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand serve" -l listen -d 'Where to listen; port 0 takes any that is free' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand serve" -l tls-cert -d 'The certificate in PEM, with those between it and its authority [default: a self-made one, and its authority]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand serve" -l tls-key -d 'Its key in PEM' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand serve" -l public-url -d 'How agents reach this server, where that is not the address that it listens on, such as `https://central.example.com`' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand serve" -l rate-limit -d 'Requests a second from one address; 0 is without a limit' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand serve" -l max-connections -d 'Connections at once' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand serve" -l object-store -d 'Where agents upload that may reach nothing else: s3://BUCKET/PREFIX, az://CONTAINER/PREFIX or gs://BUCKET/PREFIX; the credentials are the environment\'s' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand serve" -l pick-up-every -d 'How often it is looked through, such as 60s' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand serve" -l upload-url-valid -d 'How long the URLs hold that agents are given; 7d at the most' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand serve" -l upload-untouched -d 'How long nobody must have touched what was picked up before it is removed' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand serve" -l log-format -d 'How log lines on standard error are written: logfmt or json' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand serve" -l log-level -d 'What is logged: error, warn, info, debug' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand serve" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand serve" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand serve" -l json -d 'Prints one JSON line when it has started: {"url","ca_file","admin_token"}'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand serve" -s h -l help -d 'Print help'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and not __fish_seen_subcommand_from create list show change revoke restore help" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and not __fish_seen_subcommand_from create list show change revoke restore help" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and not __fish_seen_subcommand_from create list show change revoke restore help" -s h -l help -d 'Print help'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and not __fish_seen_subcommand_from create list show change revoke restore help" -f -a "create" -d 'Makes a contract, and prints its id'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and not __fish_seen_subcommand_from create list show change revoke restore help" -f -a "list" -d 'Lists all contracts'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and not __fish_seen_subcommand_from create list show change revoke restore help" -f -a "show" -d 'Shows one contract'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and not __fish_seen_subcommand_from create list show change revoke restore help" -f -a "change" -d 'Changes a contract; licences follow with each instance\'s next contact'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and not __fish_seen_subcommand_from create list show change revoke restore help" -f -a "revoke" -d 'Takes a contract back: reports under it are refused, and sent again when it is restored'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and not __fish_seen_subcommand_from create list show change revoke restore help" -f -a "restore" -d 'Takes a revocation back: reports under the contract are taken again'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and not __fish_seen_subcommand_from create list show change revoke restore help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from create" -l product -d 'What is sold' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from create" -l customer -d 'To whom' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from create" -l not-before -d 'Its first day, in UTC' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from create" -l not-after -d 'Its last day, in UTC' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from create" -l grace -d 'How long the metered software may run after a receipt: 90d, 60s [default: 90d]' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from create" -l block-unconfirmed -d 'How long an activation that waits for confirmation may report: 1h, 8h, 3d [default: 3d]' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from create" -l email -d 'The address that its licences are registered to' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from create" -l feature -d 'What of the product it unlocks; once for each feature' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from create" -l ram-limit -d 'How much RAM may be used: 64GiB' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from create" -l throughput-limit -d 'How much throughput may be used: 10Gbit' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from create" -l tier -d 'The tier of throughput that was bought' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from create" -l ssl-tps-limit -d 'How many new TLS sessions a second there may be' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from create" -l licence-term -d 'How long an online licence holds: 10d, 60s [default: 10d, 7d for a cluster]' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from create" -l slot -d 'The slot\'s length that its instances have to keep to: 5m [default: theirs]' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from create" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from create" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from create" -l offline -d 'Its instances have no network: reports and receipts travel as files'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from create" -l only-id -d 'Prints the id alone'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from create" -l json -d 'Prints JSON: {"contract"}'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from create" -s h -l help -d 'Print help'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from list" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from list" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from list" -l json -d 'Prints JSON'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from show" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from show" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from show" -l json -d 'Prints JSON'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from change" -l product -d 'What was sold' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from change" -l customer -d 'To whom' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from change" -l mode -d 'How its instances reach central: online, offline' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from change" -l not-before -d 'Its first day, in UTC' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from change" -l not-after -d 'Its last day, in UTC' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from change" -l grace -d 'How long the metered software may run after a receipt: 90d, 60s' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from change" -l block-unconfirmed -d 'How long an activation that waits for confirmation may report: 1h, 8h, 3d' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from change" -l email -d 'The address that its licences are registered to' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from change" -l feature -d 'What of the product it unlocks, all of it: once for each feature, or `none`' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from change" -l ram-limit -d 'How much RAM may be used: 64GiB' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from change" -l throughput-limit -d 'How much throughput may be used: 10Gbit' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from change" -l tier -d 'The tier of throughput that was bought' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from change" -l ssl-tps-limit -d 'How many new TLS sessions a second there may be' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from change" -l licence-term -d 'How long an online licence holds: 10d, 60s' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from change" -l slot -d 'The slot\'s length that its instances have to keep to: 5m' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from change" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from change" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from change" -l json -d 'Prints JSON'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from change" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from revoke" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from revoke" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from revoke" -l json -d 'Prints JSON'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from revoke" -s h -l help -d 'Print help'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from restore" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from restore" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from restore" -l json -d 'Prints JSON'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from restore" -s h -l help -d 'Print help'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from help" -f -a "create" -d 'Makes a contract, and prints its id'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from help" -f -a "list" -d 'Lists all contracts'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from help" -f -a "show" -d 'Shows one contract'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from help" -f -a "change" -d 'Changes a contract; licences follow with each instance\'s next contact'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from help" -f -a "revoke" -d 'Takes a contract back: reports under it are refused, and sent again when it is restored'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from help" -f -a "restore" -d 'Takes a revocation back: reports under the contract are taken again'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand contract; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand token; and not __fish_seen_subcommand_from create list revoke help" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand token; and not __fish_seen_subcommand_from create list revoke help" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand token; and not __fish_seen_subcommand_from create list revoke help" -s h -l help -d 'Print help'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand token; and not __fish_seen_subcommand_from create list revoke help" -f -a "create" -d 'Makes an enrolment token, and prints the line to type on the metered host'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand token; and not __fish_seen_subcommand_from create list revoke help" -f -a "list" -d 'Lists tokens (never their secrets: those are not kept)'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand token; and not __fish_seen_subcommand_from create list revoke help" -f -a "revoke" -d 'Takes a token back: nobody joins by it any more'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand token; and not __fish_seen_subcommand_from create list revoke help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand token; and __fish_seen_subcommand_from create" -l contract -d 'The contract that joining instances are under' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand token; and __fish_seen_subcommand_from create" -l uses -d 'How many instances may join by it: a number, or `unlimited`' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand token; and __fish_seen_subcommand_from create" -l expires -d 'How long it is good: 30d, 12h' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand token; and __fish_seen_subcommand_from create" -l confirm -d '`manual`: an operator confirms each activation, or it is blocked after some days' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand token; and __fish_seen_subcommand_from create" -s o -l output -d 'Writes the token to this file, for its owner only, and does not print it' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand token; and __fish_seen_subcommand_from create" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand token; and __fish_seen_subcommand_from create" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand token; and __fish_seen_subcommand_from create" -l json -d 'Prints JSON: {"token"}'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand token; and __fish_seen_subcommand_from create" -s h -l help -d 'Print help'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand token; and __fish_seen_subcommand_from list" -l contract -d 'Only those of this contract' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand token; and __fish_seen_subcommand_from list" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand token; and __fish_seen_subcommand_from list" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand token; and __fish_seen_subcommand_from list" -l json -d 'Prints JSON'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand token; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand token; and __fish_seen_subcommand_from revoke" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand token; and __fish_seen_subcommand_from revoke" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand token; and __fish_seen_subcommand_from revoke" -l json -d 'Prints JSON'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand token; and __fish_seen_subcommand_from revoke" -s h -l help -d 'Print help'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand token; and __fish_seen_subcommand_from help" -f -a "create" -d 'Makes an enrolment token, and prints the line to type on the metered host'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand token; and __fish_seen_subcommand_from help" -f -a "list" -d 'Lists tokens (never their secrets: those are not kept)'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand token; and __fish_seen_subcommand_from help" -f -a "revoke" -d 'Takes a token back: nobody joins by it any more'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand token; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand activation; and not __fish_seen_subcommand_from list show confirm disable enable delete help" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand activation; and not __fish_seen_subcommand_from list show confirm disable enable delete help" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand activation; and not __fish_seen_subcommand_from list show confirm disable enable delete help" -s h -l help -d 'Print help'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand activation; and not __fish_seen_subcommand_from list show confirm disable enable delete help" -f -a "list" -d 'Lists the instances that have joined'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand activation; and not __fish_seen_subcommand_from list show confirm disable enable delete help" -f -a "show" -d 'Shows one activation, with its host and its lines of reports'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand activation; and not __fish_seen_subcommand_from list show confirm disable enable delete help" -f -a "confirm" -d 'Confirms an activation that waits for it; a blocked one becomes active'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand activation; and not __fish_seen_subcommand_from list show confirm disable enable delete help" -f -a "disable" -d 'Pauses an activation: its reports are refused and wait at the instance, until it is enabled'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand activation; and not __fish_seen_subcommand_from list show confirm disable enable delete help" -f -a "enable" -d 'Lets a disabled or blocked activation report again: the instance sends what it kept'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand activation; and not __fish_seen_subcommand_from list show confirm disable enable delete help" -f -a "delete" -d 'Removes an activation: the instance has to be activated anew. What it has reported stays'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand activation; and not __fish_seen_subcommand_from list show confirm disable enable delete help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand activation; and __fish_seen_subcommand_from list" -l contract -d 'Only those under this contract' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand activation; and __fish_seen_subcommand_from list" -l instance -d 'Only those of this instance; clones of one instance are several' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand activation; and __fish_seen_subcommand_from list" -l state -d 'Only those in this state: active, disabled, deleted, blocked' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand activation; and __fish_seen_subcommand_from list" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand activation; and __fish_seen_subcommand_from list" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand activation; and __fish_seen_subcommand_from list" -l unconfirmed -d 'Only those that wait for confirmation'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand activation; and __fish_seen_subcommand_from list" -l json -d 'Prints JSON: {"activations":[…]}'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand activation; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand activation; and __fish_seen_subcommand_from show" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand activation; and __fish_seen_subcommand_from show" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand activation; and __fish_seen_subcommand_from show" -l json -d 'Prints JSON'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand activation; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand activation; and __fish_seen_subcommand_from confirm" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand activation; and __fish_seen_subcommand_from confirm" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand activation; and __fish_seen_subcommand_from confirm" -l json -d 'Prints JSON'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand activation; and __fish_seen_subcommand_from confirm" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand activation; and __fish_seen_subcommand_from disable" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand activation; and __fish_seen_subcommand_from disable" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand activation; and __fish_seen_subcommand_from disable" -l json -d 'Prints JSON'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand activation; and __fish_seen_subcommand_from disable" -s h -l help -d 'Print help'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand activation; and __fish_seen_subcommand_from enable" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand activation; and __fish_seen_subcommand_from enable" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand activation; and __fish_seen_subcommand_from enable" -l json -d 'Prints JSON'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand activation; and __fish_seen_subcommand_from enable" -s h -l help -d 'Print help'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand activation; and __fish_seen_subcommand_from delete" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand activation; and __fish_seen_subcommand_from delete" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand activation; and __fish_seen_subcommand_from delete" -l json -d 'Prints JSON'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand activation; and __fish_seen_subcommand_from delete" -s h -l help -d 'Print help'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand activation; and __fish_seen_subcommand_from help" -f -a "list" -d 'Lists the instances that have joined'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand activation; and __fish_seen_subcommand_from help" -f -a "show" -d 'Shows one activation, with its host and its lines of reports'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand activation; and __fish_seen_subcommand_from help" -f -a "confirm" -d 'Confirms an activation that waits for it; a blocked one becomes active'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand activation; and __fish_seen_subcommand_from help" -f -a "disable" -d 'Pauses an activation: its reports are refused and wait at the instance, until it is enabled'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand activation; and __fish_seen_subcommand_from help" -f -a "enable" -d 'Lets a disabled or blocked activation report again: the instance sends what it kept'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand activation; and __fish_seen_subcommand_from help" -f -a "delete" -d 'Removes an activation: the instance has to be activated anew. What it has reported stays'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand activation; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand cluster; and not __fish_seen_subcommand_from list show days rename help" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand cluster; and not __fish_seen_subcommand_from list show days rename help" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand cluster; and not __fish_seen_subcommand_from list show days rename help" -s h -l help -d 'Print help'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand cluster; and not __fish_seen_subcommand_from list show days rename help" -f -a "list" -d 'Lists the clusters that instances have joined from'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand cluster; and not __fish_seen_subcommand_from list show days rename help" -f -a "show" -d 'Shows a cluster with its nodes, and the identities that each has had'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand cluster; and not __fish_seen_subcommand_from list show days rename help" -f -a "days" -d 'Tells what a cluster used, by day: each node counted once'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand cluster; and not __fish_seen_subcommand_from list show days rename help" -f -a "rename" -d 'Gives a cluster a name; without one, takes it away'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand cluster; and not __fish_seen_subcommand_from list show days rename help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand cluster; and __fish_seen_subcommand_from list" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand cluster; and __fish_seen_subcommand_from list" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand cluster; and __fish_seen_subcommand_from list" -l json -d 'Prints JSON: {"clusters":[…]}'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand cluster; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand cluster; and __fish_seen_subcommand_from show" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand cluster; and __fish_seen_subcommand_from show" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand cluster; and __fish_seen_subcommand_from show" -l json -d 'Prints JSON: {"cluster":{…},"nodes":[[…]]}'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand cluster; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand cluster; and __fish_seen_subcommand_from days" -l from -d 'Only this day and later ones' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand cluster; and __fish_seen_subcommand_from days" -l to -d 'Only this day and earlier ones' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand cluster; and __fish_seen_subcommand_from days" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand cluster; and __fish_seen_subcommand_from days" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand cluster; and __fish_seen_subcommand_from days" -l json -d 'Prints JSON: {"days":[…]}'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand cluster; and __fish_seen_subcommand_from days" -s h -l help -d 'Print help'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand cluster; and __fish_seen_subcommand_from rename" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand cluster; and __fish_seen_subcommand_from rename" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand cluster; and __fish_seen_subcommand_from rename" -l json -d 'Prints JSON'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand cluster; and __fish_seen_subcommand_from rename" -s h -l help -d 'Print help'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand cluster; and __fish_seen_subcommand_from help" -f -a "list" -d 'Lists the clusters that instances have joined from'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand cluster; and __fish_seen_subcommand_from help" -f -a "show" -d 'Shows a cluster with its nodes, and the identities that each has had'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand cluster; and __fish_seen_subcommand_from help" -f -a "days" -d 'Tells what a cluster used, by day: each node counted once'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand cluster; and __fish_seen_subcommand_from help" -f -a "rename" -d 'Gives a cluster a name; without one, takes it away'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand cluster; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand license; and not __fish_seen_subcommand_from list show issue help" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand license; and not __fish_seen_subcommand_from list show issue help" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand license; and not __fish_seen_subcommand_from list show issue help" -s h -l help -d 'Print help'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand license; and not __fish_seen_subcommand_from list show issue help" -f -a "list" -d 'Lists the licences that were issued, the newest first'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand license; and not __fish_seen_subcommand_from list show issue help" -f -a "show" -d 'Shows one licence, and prints it as it is carried'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand license; and not __fish_seen_subcommand_from list show issue help" -f -a "issue" -d 'Issues a new licence to carry, whatever the age of the last one'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand license; and not __fish_seen_subcommand_from list show issue help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand license; and __fish_seen_subcommand_from list" -l contract -d 'Only those under this contract' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand license; and __fish_seen_subcommand_from list" -l instance -d 'Only those of this instance' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand license; and __fish_seen_subcommand_from list" -l limit -d 'How many at the most' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand license; and __fish_seen_subcommand_from list" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand license; and __fish_seen_subcommand_from list" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand license; and __fish_seen_subcommand_from list" -l json -d 'Prints JSON: {"licences":[…]}'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand license; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand license; and __fish_seen_subcommand_from show" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand license; and __fish_seen_subcommand_from show" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand license; and __fish_seen_subcommand_from show" -l json -d 'Prints JSON: {"licence","token"}'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand license; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand license; and __fish_seen_subcommand_from issue" -l instance -d 'The instance that it is for, as `activation list` shows it' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand license; and __fish_seen_subcommand_from issue" -l cluster -d 'The cluster that it is for: the uid of its namespace kube-system' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand license; and __fish_seen_subcommand_from issue" -l contract -d 'The contract that the cluster is under' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand license; and __fish_seen_subcommand_from issue" -s o -l output -d 'Where it is written; `-` is standard output' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand license; and __fish_seen_subcommand_from issue" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand license; and __fish_seen_subcommand_from issue" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand license; and __fish_seen_subcommand_from issue" -l json -d 'Prints JSON: {"licence","token"}'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand license; and __fish_seen_subcommand_from issue" -s h -l help -d 'Print help'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand license; and __fish_seen_subcommand_from help" -f -a "list" -d 'Lists the licences that were issued, the newest first'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand license; and __fish_seen_subcommand_from help" -f -a "show" -d 'Shows one licence, and prints it as it is carried'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand license; and __fish_seen_subcommand_from help" -f -a "issue" -d 'Issues a new licence to carry, whatever the age of the last one'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand license; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand report; and not __fish_seen_subcommand_from list show help" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand report; and not __fish_seen_subcommand_from list show help" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand report; and not __fish_seen_subcommand_from list show help" -s h -l help -d 'Print help'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand report; and not __fish_seen_subcommand_from list show help" -f -a "list" -d 'Lists reports in the order of identity and number'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand report; and not __fish_seen_subcommand_from list show help" -f -a "show" -d 'Shows one report with all its figures'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand report; and not __fish_seen_subcommand_from list show help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand report; and __fish_seen_subcommand_from list" -l instance -d 'Only those of this instance, with all that split from it' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand report; and __fish_seen_subcommand_from list" -l identity -d 'Only those of this identity' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand report; and __fish_seen_subcommand_from list" -l contract -d 'Only those under this contract' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand report; and __fish_seen_subcommand_from list" -l from -d 'Only those of this day and later ones: 2026-11-20' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand report; and __fish_seen_subcommand_from list" -l to -d 'Only those of this day and earlier ones' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand report; and __fish_seen_subcommand_from list" -l limit -d 'How many at the most' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand report; and __fish_seen_subcommand_from list" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand report; and __fish_seen_subcommand_from list" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand report; and __fish_seen_subcommand_from list" -l json -d 'Prints JSON: {"reports":[…]}'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand report; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand report; and __fish_seen_subcommand_from show" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand report; and __fish_seen_subcommand_from show" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand report; and __fish_seen_subcommand_from show" -l json -d 'Prints JSON: the same as the REST API gives'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand report; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand report; and __fish_seen_subcommand_from help" -f -a "list" -d 'Lists reports in the order of identity and number'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand report; and __fish_seen_subcommand_from help" -f -a "show" -d 'Shows one report with all its figures'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand report; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand alarm; and not __fish_seen_subcommand_from list acknowledge help" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand alarm; and not __fish_seen_subcommand_from list acknowledge help" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand alarm; and not __fish_seen_subcommand_from list acknowledge help" -s h -l help -d 'Print help'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand alarm; and not __fish_seen_subcommand_from list acknowledge help" -f -a "list" -d 'Lists alarms, the newest first'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand alarm; and not __fish_seen_subcommand_from list acknowledge help" -f -a "acknowledge" -d 'Takes note of an alarm, so that it is open no more'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand alarm; and not __fish_seen_subcommand_from list acknowledge help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand alarm; and __fish_seen_subcommand_from list" -l identity -d 'Only those of this identity' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand alarm; and __fish_seen_subcommand_from list" -l kind -d 'Only of this kind: fork, hole, chain, key_reuse, node_twice' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand alarm; and __fish_seen_subcommand_from list" -l limit -d 'How many at the most' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand alarm; and __fish_seen_subcommand_from list" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand alarm; and __fish_seen_subcommand_from list" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand alarm; and __fish_seen_subcommand_from list" -l open -d 'Only those that nobody has taken note of'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand alarm; and __fish_seen_subcommand_from list" -l json -d 'Prints JSON: {"alarms":[…]}'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand alarm; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand alarm; and __fish_seen_subcommand_from acknowledge" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand alarm; and __fish_seen_subcommand_from acknowledge" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand alarm; and __fish_seen_subcommand_from acknowledge" -l json -d 'Prints JSON'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand alarm; and __fish_seen_subcommand_from acknowledge" -s h -l help -d 'Print help'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand alarm; and __fish_seen_subcommand_from help" -f -a "list" -d 'Lists alarms, the newest first'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand alarm; and __fish_seen_subcommand_from help" -f -a "acknowledge" -d 'Takes note of an alarm, so that it is open no more'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand alarm; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand audit; and not __fish_seen_subcommand_from list help" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand audit; and not __fish_seen_subcommand_from list help" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand audit; and not __fish_seen_subcommand_from list help" -s h -l help -d 'Print help'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand audit; and not __fish_seen_subcommand_from list help" -f -a "list" -d 'Lists who changed what, the newest change first'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand audit; and not __fish_seen_subcommand_from list help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand audit; and __fish_seen_subcommand_from list" -l subject -d 'Only changes of what has this id' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand audit; and __fish_seen_subcommand_from list" -l since -d 'Only changes of this day (in UTC) and later ones: 2026-11-20' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand audit; and __fish_seen_subcommand_from list" -l limit -d 'How many at the most' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand audit; and __fish_seen_subcommand_from list" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand audit; and __fish_seen_subcommand_from list" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand audit; and __fish_seen_subcommand_from list" -l json -d 'Prints JSON: {"changes":[…]}'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand audit; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand audit; and __fish_seen_subcommand_from help" -f -a "list" -d 'Lists who changed what, the newest change first'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand audit; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand key; and not __fish_seen_subcommand_from list rotate help" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand key; and not __fish_seen_subcommand_from list rotate help" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand key; and not __fish_seen_subcommand_from list rotate help" -s h -l help -d 'Print help'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand key; and not __fish_seen_subcommand_from list rotate help" -f -a "list" -d 'Lists the public keys that receipts are signed with, or were'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand key; and not __fish_seen_subcommand_from list rotate help" -f -a "rotate" -d 'Makes a new key that signs from now on'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand key; and not __fish_seen_subcommand_from list rotate help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand key; and __fish_seen_subcommand_from list" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand key; and __fish_seen_subcommand_from list" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand key; and __fish_seen_subcommand_from list" -l json -d 'Prints JSON: {"keys":[…]}'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand key; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand key; and __fish_seen_subcommand_from rotate" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand key; and __fish_seen_subcommand_from rotate" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand key; and __fish_seen_subcommand_from rotate" -l json -d 'Prints JSON: {"keys":[…]}'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand key; and __fish_seen_subcommand_from rotate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand key; and __fish_seen_subcommand_from help" -f -a "list" -d 'Lists the public keys that receipts are signed with, or were'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand key; and __fish_seen_subcommand_from help" -f -a "rotate" -d 'Makes a new key that signs from now on'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand key; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand admin-token; and not __fish_seen_subcommand_from create list revoke help" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand admin-token; and not __fish_seen_subcommand_from create list revoke help" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand admin-token; and not __fish_seen_subcommand_from create list revoke help" -s h -l help -d 'Print help'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand admin-token; and not __fish_seen_subcommand_from create list revoke help" -f -a "create" -d 'Makes a token for the REST API, and shows it this once'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand admin-token; and not __fish_seen_subcommand_from create list revoke help" -f -a "list" -d 'Lists the tokens for the REST API (never their secrets: those are not kept)'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand admin-token; and not __fish_seen_subcommand_from create list revoke help" -f -a "revoke" -d 'Takes a token back: a running server refuses it at once'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand admin-token; and not __fish_seen_subcommand_from create list revoke help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand admin-token; and __fish_seen_subcommand_from create" -l name -d 'What it is called in the audit trail: a person or a program' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand admin-token; and __fish_seen_subcommand_from create" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand admin-token; and __fish_seen_subcommand_from create" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand admin-token; and __fish_seen_subcommand_from create" -l json -d 'Prints JSON: {"admin_token"}'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand admin-token; and __fish_seen_subcommand_from create" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand admin-token; and __fish_seen_subcommand_from list" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand admin-token; and __fish_seen_subcommand_from list" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand admin-token; and __fish_seen_subcommand_from list" -l json -d 'Prints JSON: {"admin_tokens":[…]}'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand admin-token; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand admin-token; and __fish_seen_subcommand_from revoke" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand admin-token; and __fish_seen_subcommand_from revoke" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand admin-token; and __fish_seen_subcommand_from revoke" -l json -d 'Prints JSON'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand admin-token; and __fish_seen_subcommand_from revoke" -s h -l help -d 'Print help'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand admin-token; and __fish_seen_subcommand_from help" -f -a "create" -d 'Makes a token for the REST API, and shows it this once'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand admin-token; and __fish_seen_subcommand_from help" -f -a "list" -d 'Lists the tokens for the REST API (never their secrets: those are not kept)'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand admin-token; and __fish_seen_subcommand_from help" -f -a "revoke" -d 'Takes a token back: a running server refuses it at once'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand admin-token; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand service-token; and not __fish_seen_subcommand_from create list revoke help" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand service-token; and not __fish_seen_subcommand_from create list revoke help" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand service-token; and not __fish_seen_subcommand_from create list revoke help" -s h -l help -d 'Print help'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand service-token; and not __fish_seen_subcommand_from create list revoke help" -f -a "create" -d 'Makes a token that fetches the licences of one contract, and shows it this once'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand service-token; and not __fish_seen_subcommand_from create list revoke help" -f -a "list" -d 'Lists the service tokens (never their secrets: those are not kept)'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand service-token; and not __fish_seen_subcommand_from create list revoke help" -f -a "revoke" -d 'Takes a service token back: a running server refuses it at once'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand service-token; and not __fish_seen_subcommand_from create list revoke help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand service-token; and __fish_seen_subcommand_from create" -l contract -d 'The contract whose licences it fetches' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand service-token; and __fish_seen_subcommand_from create" -l name -d 'What it is called: the host that has it, for example' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand service-token; and __fish_seen_subcommand_from create" -s o -l output -d 'Writes the token to this file, for its owner only, and does not print it' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand service-token; and __fish_seen_subcommand_from create" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand service-token; and __fish_seen_subcommand_from create" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand service-token; and __fish_seen_subcommand_from create" -l json -d 'Prints JSON: {"service_token"}'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand service-token; and __fish_seen_subcommand_from create" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand service-token; and __fish_seen_subcommand_from list" -l contract -d 'Only those of this contract' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand service-token; and __fish_seen_subcommand_from list" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand service-token; and __fish_seen_subcommand_from list" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand service-token; and __fish_seen_subcommand_from list" -l json -d 'Prints JSON: {"service_tokens":[…]}'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand service-token; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand service-token; and __fish_seen_subcommand_from revoke" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand service-token; and __fish_seen_subcommand_from revoke" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand service-token; and __fish_seen_subcommand_from revoke" -l json -d 'Prints JSON'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand service-token; and __fish_seen_subcommand_from revoke" -s h -l help -d 'Print help'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand service-token; and __fish_seen_subcommand_from help" -f -a "create" -d 'Makes a token that fetches the licences of one contract, and shows it this once'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand service-token; and __fish_seen_subcommand_from help" -f -a "list" -d 'Lists the service tokens (never their secrets: those are not kept)'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand service-token; and __fish_seen_subcommand_from help" -f -a "revoke" -d 'Takes a service token back: a running server refuses it at once'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand service-token; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand completions" -l data-dir -d 'Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else ~/.local/state/highwater-central]' -r -F
complete -c highwater-central -n "__fish_highwater_central_using_subcommand completions" -l database-url -d 'A PostgreSQL database in place of the SQLite file in the data directory' -r
complete -c highwater-central -n "__fish_highwater_central_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and not __fish_seen_subcommand_from serve contract token activation cluster license report alarm audit key admin-token service-token completions help" -f -a "serve" -d 'Runs the service in the foreground'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and not __fish_seen_subcommand_from serve contract token activation cluster license report alarm audit key admin-token service-token completions help" -f -a "contract" -d 'Makes, shows, changes and revokes contracts'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and not __fish_seen_subcommand_from serve contract token activation cluster license report alarm audit key admin-token service-token completions help" -f -a "token" -d 'Makes, shows and revokes enrolment tokens, by which agents join'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and not __fish_seen_subcommand_from serve contract token activation cluster license report alarm audit key admin-token service-token completions help" -f -a "activation" -d 'Shows the instances that have joined; confirms, disables, enables and deletes activations'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and not __fish_seen_subcommand_from serve contract token activation cluster license report alarm audit key admin-token service-token completions help" -f -a "cluster" -d 'Shows the clusters that instances run in, their nodes, and what they used'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and not __fish_seen_subcommand_from serve contract token activation cluster license report alarm audit key admin-token service-token completions help" -f -a "license" -d 'Shows the licences that were issued, and issues one'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and not __fish_seen_subcommand_from serve contract token activation cluster license report alarm audit key admin-token service-token completions help" -f -a "report" -d 'Shows the reports that came'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and not __fish_seen_subcommand_from serve contract token activation cluster license report alarm audit key admin-token service-token completions help" -f -a "alarm" -d 'Shows what someone should look at: forks, holes, broken chains, clones'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and not __fish_seen_subcommand_from serve contract token activation cluster license report alarm audit key admin-token service-token completions help" -f -a "audit" -d 'Shows who changed what, and when'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and not __fish_seen_subcommand_from serve contract token activation cluster license report alarm audit key admin-token service-token completions help" -f -a "key" -d 'Shows the keys that receipts are signed with, and makes a new one'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and not __fish_seen_subcommand_from serve contract token activation cluster license report alarm audit key admin-token service-token completions help" -f -a "admin-token" -d 'Makes, shows and revokes tokens for the REST API'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and not __fish_seen_subcommand_from serve contract token activation cluster license report alarm audit key admin-token service-token completions help" -f -a "service-token" -d 'Makes, shows and revokes tokens that fetch the licences of one contract'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and not __fish_seen_subcommand_from serve contract token activation cluster license report alarm audit key admin-token service-token completions help" -f -a "completions" -d 'Prints a completion script for a shell'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and not __fish_seen_subcommand_from serve contract token activation cluster license report alarm audit key admin-token service-token completions help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and __fish_seen_subcommand_from contract" -f -a "create" -d 'Makes a contract, and prints its id'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and __fish_seen_subcommand_from contract" -f -a "list" -d 'Lists all contracts'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and __fish_seen_subcommand_from contract" -f -a "show" -d 'Shows one contract'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and __fish_seen_subcommand_from contract" -f -a "change" -d 'Changes a contract; licences follow with each instance\'s next contact'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and __fish_seen_subcommand_from contract" -f -a "revoke" -d 'Takes a contract back: reports under it are refused, and sent again when it is restored'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and __fish_seen_subcommand_from contract" -f -a "restore" -d 'Takes a revocation back: reports under the contract are taken again'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and __fish_seen_subcommand_from token" -f -a "create" -d 'Makes an enrolment token, and prints the line to type on the metered host'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and __fish_seen_subcommand_from token" -f -a "list" -d 'Lists tokens (never their secrets: those are not kept)'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and __fish_seen_subcommand_from token" -f -a "revoke" -d 'Takes a token back: nobody joins by it any more'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and __fish_seen_subcommand_from activation" -f -a "list" -d 'Lists the instances that have joined'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and __fish_seen_subcommand_from activation" -f -a "show" -d 'Shows one activation, with its host and its lines of reports'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and __fish_seen_subcommand_from activation" -f -a "confirm" -d 'Confirms an activation that waits for it; a blocked one becomes active'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and __fish_seen_subcommand_from activation" -f -a "disable" -d 'Pauses an activation: its reports are refused and wait at the instance, until it is enabled'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and __fish_seen_subcommand_from activation" -f -a "enable" -d 'Lets a disabled or blocked activation report again: the instance sends what it kept'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and __fish_seen_subcommand_from activation" -f -a "delete" -d 'Removes an activation: the instance has to be activated anew. What it has reported stays'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and __fish_seen_subcommand_from cluster" -f -a "list" -d 'Lists the clusters that instances have joined from'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and __fish_seen_subcommand_from cluster" -f -a "show" -d 'Shows a cluster with its nodes, and the identities that each has had'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and __fish_seen_subcommand_from cluster" -f -a "days" -d 'Tells what a cluster used, by day: each node counted once'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and __fish_seen_subcommand_from cluster" -f -a "rename" -d 'Gives a cluster a name; without one, takes it away'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and __fish_seen_subcommand_from license" -f -a "list" -d 'Lists the licences that were issued, the newest first'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and __fish_seen_subcommand_from license" -f -a "show" -d 'Shows one licence, and prints it as it is carried'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and __fish_seen_subcommand_from license" -f -a "issue" -d 'Issues a new licence to carry, whatever the age of the last one'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and __fish_seen_subcommand_from report" -f -a "list" -d 'Lists reports in the order of identity and number'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and __fish_seen_subcommand_from report" -f -a "show" -d 'Shows one report with all its figures'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and __fish_seen_subcommand_from alarm" -f -a "list" -d 'Lists alarms, the newest first'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and __fish_seen_subcommand_from alarm" -f -a "acknowledge" -d 'Takes note of an alarm, so that it is open no more'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and __fish_seen_subcommand_from audit" -f -a "list" -d 'Lists who changed what, the newest change first'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and __fish_seen_subcommand_from key" -f -a "list" -d 'Lists the public keys that receipts are signed with, or were'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and __fish_seen_subcommand_from key" -f -a "rotate" -d 'Makes a new key that signs from now on'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and __fish_seen_subcommand_from admin-token" -f -a "create" -d 'Makes a token for the REST API, and shows it this once'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and __fish_seen_subcommand_from admin-token" -f -a "list" -d 'Lists the tokens for the REST API (never their secrets: those are not kept)'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and __fish_seen_subcommand_from admin-token" -f -a "revoke" -d 'Takes a token back: a running server refuses it at once'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and __fish_seen_subcommand_from service-token" -f -a "create" -d 'Makes a token that fetches the licences of one contract, and shows it this once'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and __fish_seen_subcommand_from service-token" -f -a "list" -d 'Lists the service tokens (never their secrets: those are not kept)'
complete -c highwater-central -n "__fish_highwater_central_using_subcommand help; and __fish_seen_subcommand_from service-token" -f -a "revoke" -d 'Takes a service token back: a running server refuses it at once'

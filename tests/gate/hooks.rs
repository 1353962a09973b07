//! The hooks: real commands.

use crate::bench::{Bench, PATIENCE, state, until};
use highwater::clock::unix_s;
use highwater::gate::{Gate, GateEvent, HookEnd, HookOutcome, OUTPUT_MAX_BYTES};
use highwater_rules::grace::Stage;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use std::time::Duration;

async fn end(gate: &mut Gate) -> HookEnd {
    match tokio::time::timeout(PATIENCE, gate.next()).await.expect("a hook's end") {
        GateEvent::HookEnded(end) => end,
        other => panic!("{other:?}"),
    }
}

/// What the gate learns while nothing ends.
async fn settle(gate: &mut Gate) {
    let heard = tokio::time::timeout(Duration::from_millis(100), gate.next()).await;
    assert!(heard.is_err(), "{heard:?}");
}

/// Writes `WORD state previous may_run days_left` into the file `log` of a bench.
fn noting(bench: &Bench, word: &str) -> String {
    let log = bench.tree.at("log").display().to_string();
    format!(
        "echo {word} $HIGHWATER_GATE_STATE $HIGHWATER_GATE_PREVIOUS $HIGHWATER_GATE_MAY_RUN $HIGHWATER_GATE_DAYS_LEFT >> {log}"
    )
}

#[tokio::test]
async fn they_run_in_order_on_each_change_and_are_told_what_changed() {
    let mut bench = Bench::new();
    bench.config.hooks = vec![
        noting(&bench, "a"),
        "cat \"$HIGHWATER_GATE_STATUS_FILE\"; cat; echo to stderr >&2".to_owned(),
        noting(&bench, "c"),
    ];
    let mut gate = bench.open();
    gate.show(&state(Stage::Open), unix_s());
    let ends = [end(&mut gate).await, end(&mut gate).await, end(&mut gate).await];
    assert!(ends.iter().all(|end| end.outcome == HookOutcome::Done && end.stage == Stage::Open), "{ends:?}");
    let commands: Vec<&String> = ends.iter().map(|end| &end.command).collect();
    assert_eq!(commands, bench.config.hooks.iter().collect::<Vec<_>>());
    assert!(ends[1].output.starts_with("{\"state\":\"open\""), "the file is written before: {ends:?}");
    assert!(ends[1].output.ends_with("\nto stderr"), "{ends:?}");
    gate.show(&state(Stage::Open), unix_s());
    settle(&mut gate).await;
    gate.show(&state(Stage::Closed), unix_s());
    for _ in 0..3 {
        end(&mut gate).await;
    }
    assert_eq!(
        bench.left("log"),
        "a open unknown true 71\nc open unknown true 71\na closed open false 0\nc closed open false 0\n"
    );
}

#[tokio::test]
async fn one_that_fails_or_cannot_run_does_not_stop_the_others() {
    let bench = Bench::hooked(&["exit 7", "kill -9 $$", "/no/such/program", "echo fine"]);
    let mut gate = bench.open();
    gate.show(&state(Stage::Open), unix_s());
    assert_eq!(end(&mut gate).await.outcome, HookOutcome::Failed(7));
    assert_eq!(end(&mut gate).await.outcome, HookOutcome::Killed(9));
    let missing = end(&mut gate).await;
    assert!(
        missing.outcome == HookOutcome::Failed(127) && missing.output.contains("not found"),
        "{missing:?}"
    );
    let fine = end(&mut gate).await;
    assert_eq!((fine.outcome, fine.output.as_str()), (HookOutcome::Done, "fine"));
}

#[tokio::test]
async fn one_that_takes_too_long_is_killed_with_all_that_it_started() {
    let mut bench = Bench::new();
    let pids = bench.tree.at("pids").display().to_string();
    bench.config.hooks = vec![
        format!("echo begun; sleep 1000 & echo $! > {pids}; echo $$ >> {pids}; sleep 1000"),
        "echo next".to_owned(),
    ];
    let mut gate = bench.open();
    gate.show(&state(Stage::Open), unix_s());
    until("the hook", || bench.left("pids").lines().count() == 2).await;
    let pids: Vec<Pid> =
        bench.left("pids").lines().map(|line| Pid::from_raw(line.parse().unwrap())).collect();
    assert!(pids.iter().all(|pid| kill(*pid, None).is_ok()));
    settle(&mut gate).await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(31)).await;
    tokio::time::resume();
    let killed = end(&mut gate).await;
    assert_eq!((killed.outcome, killed.output.as_str()), (HookOutcome::TimedOut, "begun"));
    assert_eq!(end(&mut gate).await.output, "next");
    // The grandchild is nobody's but init's; it is gone or a zombie of somebody else's.
    until("the end of the group", || {
        pids.iter().all(|pid| {
            let stat = highwater::files::read_bounded(format!("/proc/{pid}/stat").as_ref(), 4096);
            stat.map_or(true, |stat| stat.contains(") Z "))
        })
    })
    .await;
}

#[tokio::test]
async fn a_change_during_a_run_starts_another_afterwards_with_the_newest_stage() {
    let mut bench = Bench::new();
    let (go, log) = (bench.tree.at("go"), bench.tree.at("log"));
    bench.config.hooks = vec![format!(
        "echo in $HIGHWATER_GATE_STATE $HIGHWATER_GATE_PREVIOUS >> {log}; while [ ! -e {go} ]; do sleep 0.02; done; echo out >> {log}",
        log = log.display(),
        go = go.display()
    )];
    let mut gate = bench.open();
    gate.show(&state(Stage::Open), unix_s());
    until("the first run", || bench.left("log").starts_with("in")).await;
    for stage in [Stage::Warning, Stage::Closed, Stage::Open, Stage::Critical] {
        gate.show(&state(stage), unix_s());
        settle(&mut gate).await;
    }
    bench.tree.write("go", "");
    assert_eq!(end(&mut gate).await.stage, Stage::Open);
    assert_eq!(end(&mut gate).await.stage, Stage::Critical);
    settle(&mut gate).await;
    assert_eq!(bench.left("log"), "in open unknown\nout\nin critical open\nout\n");
}

#[tokio::test]
async fn a_change_that_is_taken_back_during_a_run_starts_no_other() {
    let mut bench = Bench::new();
    let go = bench.tree.at("go").display().to_string();
    bench.config.hooks = vec![noting(&bench, "x"), format!("while [ ! -e {go} ]; do sleep 0.02; done")];
    let mut gate = bench.open();
    gate.show(&state(Stage::Open), unix_s());
    assert_eq!(end(&mut gate).await.stage, Stage::Open);
    gate.show(&state(Stage::Closed), unix_s());
    gate.show(&state(Stage::Open), unix_s());
    bench.tree.write("go", "");
    end(&mut gate).await;
    settle(&mut gate).await;
    assert_eq!(bench.left("log"), "x open unknown true 71\n");
}

#[tokio::test]
async fn a_run_that_the_agents_end_cut_off_is_made_again_and_a_whole_one_is_not() {
    let mut bench = Bench::new();
    let go = bench.tree.at("go").display().to_string();
    bench.config.hooks = vec![noting(&bench, "x"), format!("[ -e {go} ] || sleep 2")];
    let mut gate = bench.open();
    gate.show(&state(Stage::Closed), unix_s());
    end(&mut gate).await;
    gate.close();
    drop(gate);
    assert_eq!(bench.document().hooks_told, None);
    bench.tree.write("go", "");
    let mut gate = bench.open();
    assert_eq!(gate.show(&state(Stage::Closed), unix_s()).changed, None);
    end(&mut gate).await;
    end(&mut gate).await;
    settle(&mut gate).await;
    gate.show(&state(Stage::Closed), unix_s());
    assert_eq!(bench.document().hooks_told, Some(Stage::Closed));
    gate.close();
    let mut gate = bench.open();
    gate.show(&state(Stage::Closed), unix_s());
    settle(&mut gate).await;
    assert_eq!(bench.left("log"), "x closed unknown false 0\nx closed unknown false 0\n");
    gate.show(&state(Stage::Open), unix_s());
    end(&mut gate).await;
    assert!(bench.left("log").ends_with("x open closed true 71\n"));
}

#[tokio::test]
async fn what_it_leaves_running_does_not_hold_the_next_one_up() {
    let mut bench = Bench::new();
    let pid = bench.tree.at("pid").display().to_string();
    bench.config.hooks = vec![format!("sleep 1000 & echo $! > {pid}; echo started"), "echo next".to_owned()];
    let mut gate = bench.open();
    gate.show(&state(Stage::Open), unix_s());
    let first = end(&mut gate).await;
    assert_eq!((first.outcome.clone(), first.output.as_str()), (HookOutcome::Done, "started"));
    assert!(first.took_ms < 10_000, "{first:?}");
    assert_eq!(end(&mut gate).await.output, "next");
    let left = Pid::from_raw(bench.left("pid").trim().parse().unwrap());
    kill(left, nix::sys::signal::Signal::SIGKILL).expect("what it left running runs on");
}

#[tokio::test]
async fn one_that_says_very_much_is_neither_stuck_nor_kept_whole() {
    let bench = Bench::hooked(&["i=0; while [ $i -lt 20000 ]; do echo 0123456789; i=$((i+1)); done; exit 3"]);
    let mut gate = bench.open();
    gate.show(&state(Stage::Open), unix_s());
    let said = end(&mut gate).await;
    assert_eq!(said.outcome, HookOutcome::Failed(3));
    assert!(said.output.starts_with("0123456789\n0123"), "{said:?}");
    assert!(said.output.len() <= OUTPUT_MAX_BYTES && said.output.len() > OUTPUT_MAX_BYTES - 16);
}

#[tokio::test]
async fn the_state_is_told_while_they_run() {
    let bench = Bench::hooked(&["sleep 2"]);
    let mut gate = bench.open();
    gate.show(&state(Stage::Open), unix_s());
    let (status, value) = crate::peer::get(&bench.socket()).await;
    assert!(status == 200 && value["hooks_told"].is_null(), "{value}");
    assert_eq!(end(&mut gate).await.outcome, HookOutcome::Done);
}

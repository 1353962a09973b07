//! From what was given to the configuration, or to everything that is wrong with it.

use super::document::Document;
use super::env::{self, CONFIG, Env};
use super::keys::{self, KEYS};
use super::layers::{Given, Layer, Layers};
use super::mistakes::{Fault, Mistakes, Place, Warning, quoted};
use super::raw::Raw;
use super::reader::Reader;
use super::show::Origins;
use super::{
    Config, gate, kubernetes, ledger, licence, listen, log, network, ram, sampling, ssl, state_dir, table,
    uplink,
};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

/// The file that is read where none is named.
const DEFAULT_FILE: &str = "/etc/highwater/highwater.toml";

/// What a configuration is made from. The caller reads the environment, the directory and the clock.
#[derive(Debug, Clone)]
pub struct Inputs {
    /// The file, as [`find_file`] found it.
    pub file: Option<PathBuf>,
    /// The environment.
    pub env: Vec<(OsString, OsString)>,
    /// What the command line's flags set: dotted key and value, such as `("sampling.root", "/host")`. They go before all else.
    pub overrides: Vec<(String, String)>,
    /// The current directory, to which a relative `state_dir` is held.
    pub cwd: PathBuf,
    /// Now, in unix seconds: the time zone's offsets around it must fit the interval.
    pub now_s: i64,
}

/// A configuration, and what else is to be told of it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// What is odd but works, ordered by place.
    pub warnings: Vec<Warning>,
    /// Where each key's value came from.
    pub origins: Origins,
    /// The file, where there is one.
    pub file: Option<PathBuf>,
}

/// Makes the configuration.
///
/// # Errors
/// When anything is wrong with it: all that is, ordered by place.
pub fn load(inputs: &Inputs) -> Result<Loaded, Mistakes> {
    let mut mistakes = Mistakes::default();
    let document = inputs.file.as_deref().and_then(|path| Document::read(path, &mut mistakes));
    load_document(document.as_ref(), mistakes, inputs)
}

/// The same, of a file that has been read.
pub(super) fn load_document(
    document: Option<&Document>,
    mistakes: Mistakes,
    inputs: &Inputs,
) -> Result<Loaded, Mistakes> {
    let mut reader = Reader { mistakes, ..Reader::default() };
    let walked = document.map(|d| table::walk(d, &mut reader.mistakes)).unwrap_or_default();
    reader.layers = Layers {
        file: walked.layer,
        ssl: walked.ssl,
        env: env::layer(&inputs.env, &mut reader.mistakes, &mut reader.warnings),
        flags: flags(&inputs.overrides, &mut reader.mistakes),
    };
    let config = read(&mut reader, inputs);
    let Reader { mut mistakes, mut warnings, origins, .. } = reader;
    match config {
        Some(config) if mistakes.is_empty() => {
            warnings.sort();
            Ok(Loaded { config, warnings, origins, file: inputs.file.clone() })
        }
        _ => {
            mistakes.sort();
            Err(mistakes)
        }
    }
}

/// Every section is read before any mistake ends it.
fn read(reader: &mut Reader, inputs: &Inputs) -> Option<Config> {
    let state_dir = state_dir::read(reader, &inputs.env, &inputs.cwd);
    let (sampling, interval) = sampling::read(reader, inputs.now_s);
    let ram = ram::read(reader);
    let network = network::read(reader);
    let ssl = ssl::read(reader);
    let retention_s = ledger::read(reader, interval);
    let uplink = uplink::read(reader);
    let licence_file = licence::read(reader);
    let gate = gate::read(reader, &inputs.env, state_dir.as_deref());
    let kubernetes = kubernetes::read(reader, &inputs.env);
    let listen = listen::read(reader, gate.as_ref());
    let log = log::read(reader);
    Some(Config {
        state_dir: state_dir?,
        sampling: sampling?,
        ram: ram?,
        network: network?,
        ssl: ssl?,
        retention_s: retention_s?,
        uplink: uplink?,
        licence_file: licence_file?,
        gate: gate?,
        kubernetes: kubernetes?,
        listen: listen?,
        log: log?,
    })
}

fn flags(overrides: &[(String, String)], mistakes: &mut Mistakes) -> Layer {
    let mut layer = Layer::new();
    for (key, value) in overrides {
        let place = Place::Flag(keys::flag(key));
        match keys::known(key) {
            Some(known) => {
                layer.insert(known, Given { raw: Raw::Bare(value.clone()), place });
            }
            None => {
                let mend = format!("the keys are {}", KEYS.join(", "));
                mistakes.push(place, Fault::new(format!("unknown key {}", quoted(key)), mend));
            }
        }
    }
    layer
}

/// The file to read: the one that the command line names, else `HIGHWATER_CONFIG`, else /etc/highwater/highwater.toml where
/// it exists.
///
/// One that is there but can't be looked at is named too: reading it then says why, rather than that defaults are taken
/// where someone wrote something else.
#[must_use]
pub fn find_file(flag: Option<PathBuf>, env: &Env) -> Option<PathBuf> {
    let named = flag.or_else(|| env::get(env, CONFIG).map(PathBuf::from));
    named.or_else(|| is_there(Path::new(DEFAULT_FILE)).then(|| PathBuf::from(DEFAULT_FILE)))
}

fn is_there(path: &Path) -> bool {
    match path.symlink_metadata() {
        Ok(_) => true,
        Err(error) => !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory),
    }
}

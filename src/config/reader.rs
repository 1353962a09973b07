//! Takes settings out of the layers, one key at a time, and keeps what is wrong with them and where they came from.

use super::layers::Layers;
use super::mistakes::{Fault, Mistakes, Place, Warning};
use super::raw::Raw;
use super::show::{Origin, Origins};
use std::path::PathBuf;

/// A key's final value, and where it was given; no place says it is the default.
#[derive(Debug, Clone)]
pub(super) struct Setting<T> {
    pub(super) value: T,
    pub(super) place: Option<Place>,
}

/// What is known while a configuration is made.
#[derive(Debug, Default)]
pub(super) struct Reader {
    pub(super) layers: Layers,
    pub(super) mistakes: Mistakes,
    pub(super) warnings: Vec<Warning>,
    pub(super) origins: Origins,
}

impl Reader {
    /// A key's value: of the highest layer that gives one, else the default. The lower layers' values are held to the same
    /// rules, so that an override hides no mistake. None where any is wrong.
    pub(super) fn take<T>(
        &mut self,
        key: &'static str,
        default: T,
        parse: impl Fn(&Raw) -> Result<T, Fault>,
    ) -> Option<Setting<T>> {
        let mut setting = Some(Setting { value: default, place: None });
        for given in self.layers.given(key) {
            match parse(&given.raw) {
                Ok(value) => {
                    let found = Setting { value, place: Some(given.place.clone()) };
                    setting = setting.map(|_| found);
                }
                Err(fault) => {
                    setting = None;
                    self.mistakes.push(given.place.clone(), told(key, &given.place, fault));
                }
            }
        }
        if let Some(Setting { place: Some(place), .. }) = &setting {
            self.origins.set(key, Origin::of(place));
        }
        setting
    }

    /// The value alone, where no other check asks for its place.
    pub(super) fn value<T>(
        &mut self,
        key: &'static str,
        default: T,
        parse: impl Fn(&Raw) -> Result<T, Fault>,
    ) -> Option<T> {
        self.take(key, default, parse).map(|setting| setting.value)
    }

    /// Says what is wrong with a setting beside others.
    pub(super) fn refuse(&mut self, key: &'static str, place: Option<&Place>, fault: Fault) {
        let place = place.cloned().unwrap_or(Place::Unset(key));
        let fault = told(key, &place, fault);
        self.mistakes.push(place, fault);
    }

    /// Says what is odd about a setting.
    pub(super) fn warn(&mut self, key: &'static str, place: Option<&Place>, fault: Fault) {
        let place = place.cloned().unwrap_or(Place::Unset(key));
        let Fault { message, mend } = told(key, &place, fault);
        self.warnings.push(Warning { place, message, mend });
    }
}

/// Names the key where its place does not.
fn told(key: &str, place: &Place, fault: Fault) -> Fault {
    match place {
        Place::File { .. } | Place::Path(_) => Fault::new(format!("{key}: {}", fault.message), fault.mend),
        Place::Env(_) | Place::Flag(_) | Place::Unset(_) => fault,
    }
}

/// A path that must be absolute.
pub(super) fn absolute(raw: &Raw) -> Result<PathBuf, Fault> {
    let text = raw.text()?;
    if text.starts_with('/') {
        return Ok(PathBuf::from(text));
    }
    Err(Fault::new(
        format!("{} is no absolute path", super::mistakes::quoted(text)),
        "write the whole path, from / on",
    ))
}

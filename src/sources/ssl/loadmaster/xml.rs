//! The XML form: `GET /access/stats`.
//!
//! Elements are read as they come, and none but those wanted is kept. A document type is refused with all that it could define; of
//! entities there are the five of XML itself, and character references.

use super::answer::{Answer, Fields, Stats, rate};
use crate::sources::{Garbled, digits};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// The longest text of an element that is wanted, in bytes.
const TEXT_MAX_BYTES: usize = 1024;
/// The deepest element: an answer has six levels.
const DEPTH_MAX: usize = 32;

/// Reads an answer.
///
/// # Errors
/// When it is no whole answer of a LoadMaster.
pub fn answer(text: &str) -> Result<Answer, Garbled> {
    let mut reader = Reader::from_str(text);
    let mut reading = Reading::default();
    loop {
        let event = reader.read_event().map_err(|_| broken(text, reader.error_position()))?;
        match event {
            Event::Start(start) => reading.start(&start)?,
            Event::Empty(start) => {
                reading.start(&start)?;
                reading.end()?;
            }
            Event::End(_) => reading.end()?,
            Event::Text(part) => {
                reading.text(&part.decode().map_err(|_| not_utf8())?)?;
            }
            Event::CData(part) => {
                reading.text(&part.decode().map_err(|_| not_utf8())?)?;
            }
            Event::GeneralRef(entity) => {
                let named = entity.decode().map_err(|_| not_utf8())?;
                let meant = meant(&named).ok_or_else(|| Garbled::at("an unknown entity", &named))?;
                reading.text(meant.encode_utf8(&mut [0; 4]))?;
            }
            Event::DocType(_) => {
                return Err(Garbled::new("it has a document type, which no LoadMaster sends"));
            }
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
            Event::Eof => return reading.finish(text),
        }
    }
}

fn not_utf8() -> Garbled {
    Garbled::new("it is not in UTF-8")
}

fn broken(text: &str, at: u64) -> Garbled {
    let rest = usize::try_from(at).ok().and_then(|at| text.get(at..)).unwrap_or_default();
    Garbled::at("it is no XML", rest)
}

/// What an entity of XML itself stands for.
fn meant(entity: &str) -> Option<char> {
    match entity {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = entity.strip_prefix('#')?;
            let code = match number.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

/// What has been read so far.
#[derive(Default)]
struct Reading {
    path: Vec<String>,
    text: String,
    /// The root's `stat`.
    stat: Option<u64>,
    stats: Stats,
    service: Fields,
    error: String,
    has_data: bool,
    has_tps: bool,
}

impl Reading {
    fn start(&mut self, start: &BytesStart<'_>) -> Result<(), Garbled> {
        if self.path.len() >= DEPTH_MAX {
            return Err(Garbled::new("its elements are nested too deeply"));
        }
        let name = String::from_utf8_lossy(start.name().as_ref()).into_owned();
        if self.path.is_empty() {
            self.root(&name, start)?;
        }
        self.path.push(name);
        let is_again = match self.place().as_slice() {
            ["Success", "Data"] => std::mem::replace(&mut self.has_data, true),
            ["Success", "Data", "TPS"] => std::mem::replace(&mut self.has_tps, true),
            ["Success", "Data", "TPS", "SSL"] => self.stats.tps.is_some(),
            ["Success", "Data", "Vs"] => {
                self.service = Fields::default();
                false
            }
            ["Success", "Data", "Vs", _] => self.wanted().is_some_and(|text| !text.is_empty()),
            _ => false,
        };
        if is_again {
            // Which of two counts, nobody can say.
            return Err(Garbled::at("an element stands twice", self.path.last().map_or("", String::as_str)));
        }
        self.text.clear();
        Ok(())
    }

    fn root(&mut self, name: &str, start: &BytesStart<'_>) -> Result<(), Garbled> {
        if name != "Response" || self.stat.is_some() {
            return Err(Garbled::at("it is no answer of a LoadMaster's", name));
        }
        let stat = start.try_get_attribute("stat").ok().flatten();
        let stat = stat.and_then(|stat| digits(&String::from_utf8_lossy(&stat.value)));
        self.stat = Some(stat.ok_or_else(|| Garbled::new("its Response has no stat"))?);
        Ok(())
    }

    /// Where the reading is, below the root.
    fn place(&self) -> Vec<&str> {
        self.path.iter().skip(1).map(String::as_str).collect()
    }

    /// The text that is wanted of where the reading is, if any.
    fn wanted(&mut self) -> Option<&mut String> {
        let place: Vec<&str> = self.path.iter().skip(1).map(String::as_str).collect();
        let service = &mut self.service;
        match place.as_slice() {
            ["Error"] => Some(&mut self.error),
            ["Success", "Data", "TPS", "SSL"] => Some(&mut self.text),
            ["Success", "Data", "Vs", field] => match *field {
                "VSAddress" => Some(&mut service.address),
                "VSPort" => Some(&mut service.port),
                "VSProt" => Some(&mut service.protocol),
                "Index" => Some(&mut service.index),
                "TotalBytes" => Some(&mut service.bytes),
                _ => None,
            },
            _ => None,
        }
    }

    fn text(&mut self, part: &str) -> Result<(), Garbled> {
        if self.path.is_empty() && !part.trim().is_empty() {
            return Err(Garbled::at("there is text outside of it", part));
        }
        let Some(text) = self.wanted() else { return Ok(()) };
        text.push_str(part);
        if text.len() > TEXT_MAX_BYTES {
            return Err(Garbled::at("an element is too long", text));
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Garbled> {
        if let Some(text) = self.wanted() {
            *text = text.trim().to_owned();
        }
        match self.place().as_slice() {
            ["Success", "Data", "TPS", "SSL"] => self.stats.tps = Some(rate(&self.text)?),
            ["Success", "Data", "Vs"] => {
                let service = std::mem::take(&mut self.service).service()?;
                self.stats.services.extend(service);
            }
            _ => {}
        }
        self.path.pop();
        Ok(())
    }

    fn finish(self, text: &str) -> Result<Answer, Garbled> {
        let Some(stat) = self.stat.filter(|_| self.path.is_empty()) else {
            return Err(Garbled::at("it is cut short", text));
        };
        if stat != 200 {
            return Ok(Answer::refused(stat, &self.error));
        }
        if !self.has_data {
            return Err(Garbled::at("it holds no data", text));
        }
        Ok(Answer::Stats(self.stats))
    }
}

//! A room: what one client says in a line, the others read as `Message from ADDRESS: TEXT`.
//!
//! `/name NAME` gives a name that stands instead of the address, `/who` lists who is there, `exit` leaves. Who
//! joins and leaves is told to the others, and why. A client that does not read is dropped when its queue is
//! full; the others lose nothing.

use std::{
    collections::BTreeMap,
    io,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{
    Client,
    hub::{self, Hub},
};

/// The longest name, in characters.
const NAME: usize = 32;

/// Who is in the room, and the hub through which they hear one another.
#[derive(Debug, Default)]
pub struct Room {
    hub: Hub,
    names: Mutex<BTreeMap<u64, String>>,
}

impl Room {
    /// A room in which at most so many bytes wait for one client before it is dropped.
    pub fn with_queue(bytes: usize) -> Self {
        Self { hub: Hub::with_queue(bytes), names: Mutex::default() }
    }

    fn names(&self) -> MutexGuard<'_, BTreeMap<u64, String>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn name(&self, id: u64) -> String {
        self.names().get(&id).cloned().unwrap_or_default()
    }

    /// Gives a name that nobody else has; says what came of it, to the client and to the others.
    fn rename(&self, id: u64, name: &str) -> (String, Option<String>) {
        let name: String = name.trim().chars().filter(|c| !c.is_control()).take(NAME).collect();
        let mut names = self.names();
        if name.is_empty() || names.values().any(|taken| *taken == name) {
            return (format!("the name {name:?} is taken or empty"), None);
        }
        let old = names.insert(id, name.clone()).unwrap_or_default();
        (format!("you are {name}"), Some(format!("{old} is now {name}")))
    }
}

/// Takes part until the client leaves.
pub(super) async fn chat(client: &mut Client<'_>) -> io::Result<()> {
    let (id, room) = (client.id, client.manner.room.clone());
    let address = client.endpoint.about.name().to_owned();
    let count = {
        let mut names = room.names();
        names.insert(id, address.clone());
        names.len()
    };
    let welcome = format!("welcome, {address}; {count} here; /name NAME, /who, exit");
    let (manner, about, received) = (client.manner, client.endpoint.about.clone(), &mut client.received);
    room.hub.say(Some(id), format!("{address} joined").as_bytes());
    let hear = |text: &[u8]| {
        super::note(manner, id, &about, text, received);
        let text = String::from_utf8_lossy(text);
        let text = text.trim_end();
        match text.split_once(' ').unwrap_or((text, "")) {
            ("exit", "") => return hub::Said::Leave,
            ("/who", _) => {
                let names: Vec<_> = room.names().values().cloned().collect();
                room.hub.tell(id, names.join(", ").as_bytes());
            }
            ("/name", name) => {
                let (own, others) = room.rename(id, name);
                room.hub.tell(id, own.as_bytes());
                if let Some(others) = others {
                    return hub::Said::ToOthers(others.into_bytes());
                }
            }
            ("", _) => {}
            _ => return hub::Said::ToOthers(format!("Message from {}: {text}", room.name(id)).into_bytes()),
        }
        hub::Said::Nothing
    };
    let ended = hub::member(&room.hub, id, client.endpoint, Some(welcome.as_bytes()), hear).await;
    let name = room.names().remove(&id).unwrap_or_default();
    let why = ended.as_ref().err().map_or_else(String::new, |e| format!(": {e}"));
    room.hub.say(None, format!("{name} left{why}").as_bytes());
    ended
}

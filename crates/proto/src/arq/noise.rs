//! The key exchange: Noise `NNpsk0_25519_ChaChaPoly_BLAKE2s` through `snow`. Both ends prove that they have
//! the pre-shared key; ephemeral keys give each connection its own secrets, which a later theft of the key
//! does not reveal.

use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};
use snow::{
    Builder, HandshakeState,
    params::{CipherChoice, DHChoice, HashChoice},
    resolvers::{CryptoResolver, DefaultResolver},
    types::{Cipher, Dh, Hash, Random},
};

const PATTERN: &str = "Noise_NNpsk0_25519_ChaChaPoly_BLAKE2s";
/// The longest message of the handshake with its payload, bytes.
pub(crate) const MAX_MESSAGE: usize = 256;

/// The secrets of a connection, by direction.
#[derive(Clone)]
pub(crate) struct Keys {
    pub(crate) sealing: [u8; 32],
    pub(crate) opening: [u8; 32],
}

/// Entropy that was passed in: this crate asks no operating system.
struct Seeded(ChaCha20Rng);

impl Random for Seeded {
    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), snow::Error> {
        self.0.fill_bytes(dest);
        Ok(())
    }
}

struct Resolver {
    inner: DefaultResolver,
    seed: [u8; 32],
}

impl CryptoResolver for Resolver {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(Seeded(ChaCha20Rng::from_seed(self.seed))))
    }
    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        self.inner.resolve_dh(choice)
    }
    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        self.inner.resolve_hash(choice)
    }
    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        self.inner.resolve_cipher(choice)
    }
}

fn builder<'a>(key: &'a [u8; 32], prologue: &'a [u8], seed: [u8; 32]) -> Result<Builder<'a>, snow::Error> {
    let params = PATTERN.parse().expect("the name of a Noise pattern");
    let resolver = Resolver { inner: DefaultResolver, seed };
    Builder::with_resolver(params, Box::new(resolver)).psk(0, key)?.prologue(prologue)
}

/// The client's half of an exchange that has begun.
#[derive(Debug)]
pub(crate) struct Initiator(Box<HandshakeState>);

impl Initiator {
    /// Begins: gives the message for the first packet. `prologue` is what both ends must agree on.
    pub(crate) fn begin(key: &[u8; 32], prologue: &[u8], seed: [u8; 32]) -> Option<(Self, Vec<u8>)> {
        let mut state = builder(key, prologue, seed).ok()?.build_initiator().ok()?;
        let mut message = vec![0; MAX_MESSAGE];
        let len = state.write_message(&[], &mut message).ok()?;
        message.truncate(len);
        Some((Self(Box::new(state)), message))
    }

    /// Ends it with the server's message: gives the keys and the payload that came with it.
    pub(crate) fn finish(&mut self, message: &[u8]) -> Option<(Keys, Vec<u8>)> {
        let mut payload = vec![0; MAX_MESSAGE];
        let len = self.0.read_message(message, &mut payload).ok()?;
        payload.truncate(len);
        let (sealing, opening) = self.0.dangerously_get_raw_split();
        Some((Keys { sealing, opening }, payload))
    }
}

/// The server's half: takes the client's message, gives its own (with `payload`) and the keys.
pub(crate) fn respond(
    key: &[u8; 32],
    prologue: &[u8],
    seed: [u8; 32],
    message: &[u8],
    payload: &[u8],
) -> Option<(Keys, Vec<u8>)> {
    let mut state = builder(key, prologue, seed).ok()?.build_responder().ok()?;
    let mut scratch = [0; MAX_MESSAGE];
    state.read_message(message, &mut scratch).ok()?;
    let mut answer = vec![0; MAX_MESSAGE];
    let len = state.write_message(payload, &mut answer).ok()?;
    answer.truncate(len);
    let (opening, sealing) = state.dangerously_get_raw_split();
    Some((Keys { sealing, opening }, answer))
}

//! Terminal settings of an address, put back when it closes: termios(3).

use std::os::fd::{AsFd, OwnedFd};

use rustix::termios::{
    ControlModes, InputModes, LocalModes, OptionalActions, OutputModes, SpecialCodeIndex, Termios, isatty,
    tcgetattr, tcsetattr,
};
use sockeye_proto::address::{OptionName, Options, Setting, Value};

use crate::{Error, Result, error::Reason};

/// A terminal with changed settings; they are put back when this is dropped.
#[derive(Debug)]
pub(crate) struct Changed {
    terminal: OwnedFd,
    before: Box<Termios>,
}

impl Drop for Changed {
    fn drop(&mut self) {
        // Output that is on its way keeps the settings it was written under. A terminal that is gone needs none.
        let _ = tcsetattr(&self.terminal, OptionalActions::Drain, &self.before);
    }
}

/// Whether the options ask for anything of a terminal.
pub(super) fn wanted(options: &Options) -> bool {
    options.iter().any(|setting| is_terminal_option(setting.name))
}

/// Whether [`apply`] knows the option.
pub(super) fn is_terminal_option(name: OptionName) -> bool {
    flag_of(name).is_some()
        || code_of(name).is_some()
        || matches!(
            name,
            OptionName::Rawer
                | OptionName::Raw
                | OptionName::Sane
                | OptionName::Csize
                | OptionName::Crdly
                | OptionName::Tabdly
                | OptionName::Speed
                | OptionName::Ispeed
                | OptionName::Ospeed
        )
}

/// Changes the settings of a terminal, in the order of the options; gives those from before.
///
/// # Errors
/// When the descriptor is no terminal, or the kernel does not know a speed.
pub(super) fn change(options: &Options, fd: impl AsFd, what: &str) -> Result<Option<Termios>> {
    if !wanted(options) {
        return Ok(None);
    }
    let failed = |e: rustix::io::Errno| {
        let error = Error::new("set the terminal options of", what, e);
        if e == rustix::io::Errno::NOTTY { error.hint("it is no terminal") } else { error }
    };
    let before = tcgetattr(&fd).map_err(failed)?;
    let mut termios = before.clone();
    for setting in options.iter() {
        set(&mut termios, setting).map_err(failed)?;
    }
    tcsetattr(&fd, OptionalActions::Now, &termios).map_err(failed)?;
    Ok(Some(before))
}

/// As [`change`], until the result is dropped.
fn apply(options: &Options, fd: impl AsFd, what: &str) -> Result<Option<Changed>> {
    let Some(before) = change(options, &fd, what)? else { return Ok(None) };
    let terminal = fd.as_fd().try_clone_to_owned().map_err(|e| Error::new("keep", what, e))?;
    Ok(Some(Changed { terminal, before: before.into() }))
}

/// Changes the settings of those of several descriptors that are terminals; one at least must be.
pub(super) fn apply_to_some<F: AsFd>(options: &Options, fds: &[F], what: &str) -> Result<Vec<Changed>> {
    if !wanted(options) {
        return Ok(Vec::new());
    }
    let terminals: Vec<_> = fds.iter().filter(|fd| isatty(fd)).collect();
    if terminals.is_empty() {
        let reason = Reason::Usage("it is no terminal".into());
        return Err(Error::new("set the terminal options of", what, reason));
    }
    let mut changed = Vec::new();
    for fd in terminals {
        changed.extend(apply(options, fd, what)?);
    }
    // Two descriptors of one terminal: the first to be put back is the last that was changed.
    changed.reverse();
    Ok(changed)
}

fn set(termios: &mut Termios, setting: &Setting) -> rustix::io::Result<()> {
    let (name, on) = (setting.name, matches!(setting.value, Value::Flag(true)));
    let number = match setting.value {
        Value::Number(number) => number,
        _ => 0,
    };
    if let Some(flag) = flag_of(name) {
        flag.set(termios, on);
    } else if let Some(index) = code_of(name) {
        termios.special_codes[index] = u8::try_from(number).unwrap_or(0);
    }
    let speed = u32::try_from(number).unwrap_or(0);
    match name {
        OptionName::Rawer if on => termios.make_raw(),
        OptionName::Raw if on => {
            let echo = termios.local_modes & (LocalModes::ECHO | LocalModes::ECHONL);
            termios.make_raw();
            termios.local_modes |= echo;
        }
        OptionName::Sane if on => sane(termios),
        OptionName::Csize => {
            termios.control_modes -= ControlModes::CSIZE;
            termios.control_modes |= match number {
                5 => ControlModes::CS5,
                6 => ControlModes::CS6,
                7 => ControlModes::CS7,
                _ => ControlModes::CS8,
            };
        }
        OptionName::Crdly => {
            let delays = [OutputModes::CR0, OutputModes::CR1, OutputModes::CR2, OutputModes::CR3];
            delay(termios, OutputModes::CRDLY, &delays, number);
        }
        OptionName::Tabdly => {
            let delays = [OutputModes::TAB0, OutputModes::TAB1, OutputModes::TAB2, OutputModes::TAB3];
            delay(termios, OutputModes::TABDLY, &delays, number);
        }
        OptionName::Speed => termios.set_speed(speed)?,
        OptionName::Ispeed => termios.set_input_speed(speed)?,
        OptionName::Ospeed => termios.set_output_speed(speed)?,
        _ => {}
    }
    Ok(())
}

/// One of the delays that share a field.
fn delay(termios: &mut Termios, field: OutputModes, delays: &[OutputModes], number: i64) {
    termios.output_modes -= field;
    let chosen = usize::try_from(number).ok().and_then(|number| delays.get(number));
    termios.output_modes |= chosen.copied().unwrap_or(OutputModes::empty());
}

/// What stty(1) calls sane.
fn sane(termios: &mut Termios) {
    use InputModes as I;
    use LocalModes as L;
    use OutputModes as O;
    termios.input_modes -= I::IGNBRK | I::INLCR | I::IGNCR | I::IXOFF | I::IXANY;
    termios.input_modes |= I::BRKINT | I::ICRNL | I::IMAXBEL | I::IXON;
    termios.output_modes -= O::OCRNL | O::ONOCR | O::ONLRET;
    termios.output_modes |= O::OPOST | O::ONLCR;
    termios.local_modes -= L::NOFLSH | L::TOSTOP | L::ECHONL;
    termios.local_modes |=
        L::ISIG | L::ICANON | L::IEXTEN | L::ECHO | L::ECHOE | L::ECHOK | L::ECHOCTL | L::ECHOKE;
    termios.control_modes |= ControlModes::CREAD;
}

/// One bit of the settings.
#[derive(Clone, Copy)]
enum Flag {
    Input(InputModes),
    Output(OutputModes),
    Control(ControlModes),
    Local(LocalModes),
}

impl Flag {
    fn set(self, termios: &mut Termios, on: bool) {
        match self {
            Self::Input(bit) => termios.input_modes.set(bit, on),
            Self::Output(bit) => termios.output_modes.set(bit, on),
            Self::Control(bit) => termios.control_modes.set(bit, on),
            Self::Local(bit) => termios.local_modes.set(bit, on),
        }
    }
}

fn flag_of(name: OptionName) -> Option<Flag> {
    use ControlModes as C;
    use InputModes as I;
    use LocalModes as L;
    use OutputModes as O;
    Some(match name {
        OptionName::Echo => Flag::Local(L::ECHO),
        OptionName::Echoctl => Flag::Local(L::ECHOCTL),
        OptionName::Echoe => Flag::Local(L::ECHOE),
        OptionName::Echok => Flag::Local(L::ECHOK),
        OptionName::Echoke => Flag::Local(L::ECHOKE),
        OptionName::Echonl => Flag::Local(L::ECHONL),
        OptionName::Icanon => Flag::Local(L::ICANON),
        OptionName::Isig => Flag::Local(L::ISIG),
        OptionName::Iexten => Flag::Local(L::IEXTEN),
        OptionName::Noflsh => Flag::Local(L::NOFLSH),
        OptionName::Tostop => Flag::Local(L::TOSTOP),
        OptionName::Echoprt => Flag::Local(L::ECHOPRT),
        OptionName::Flusho => Flag::Local(L::FLUSHO),
        OptionName::Pendin => Flag::Local(L::PENDIN),
        OptionName::Xcase => Flag::Local(L::XCASE),
        OptionName::Iuclc => Flag::Input(I::IUCLC),
        OptionName::Icrnl => Flag::Input(I::ICRNL),
        OptionName::Inlcr => Flag::Input(I::INLCR),
        OptionName::Igncr => Flag::Input(I::IGNCR),
        OptionName::Ignbrk => Flag::Input(I::IGNBRK),
        OptionName::Brkint => Flag::Input(I::BRKINT),
        OptionName::Ignpar => Flag::Input(I::IGNPAR),
        OptionName::Parmrk => Flag::Input(I::PARMRK),
        OptionName::Inpck => Flag::Input(I::INPCK),
        OptionName::Istrip => Flag::Input(I::ISTRIP),
        OptionName::Imaxbel => Flag::Input(I::IMAXBEL),
        OptionName::Ixon => Flag::Input(I::IXON),
        OptionName::Ixoff => Flag::Input(I::IXOFF),
        OptionName::Ixany => Flag::Input(I::IXANY),
        OptionName::Opost => Flag::Output(O::OPOST),
        OptionName::Onlcr => Flag::Output(O::ONLCR),
        OptionName::Ocrnl => Flag::Output(O::OCRNL),
        OptionName::Onocr => Flag::Output(O::ONOCR),
        OptionName::Onlret => Flag::Output(O::ONLRET),
        OptionName::Olcuc => Flag::Output(O::OLCUC),
        OptionName::Ofill => Flag::Output(O::OFILL),
        OptionName::Ofdel => Flag::Output(O::OFDEL),
        // Two delays are one bit.
        OptionName::Nldly => Flag::Output(O::NL1),
        OptionName::Bsdly => Flag::Output(O::BS1),
        OptionName::Vtdly => Flag::Output(O::VT1),
        OptionName::Ffdly => Flag::Output(O::FF1),
        OptionName::Clocal => Flag::Control(C::CLOCAL),
        OptionName::Cread => Flag::Control(C::CREAD),
        OptionName::Crtscts => Flag::Control(C::CRTSCTS),
        OptionName::Cstopb => Flag::Control(C::CSTOPB),
        OptionName::Hupcl => Flag::Control(C::HUPCL),
        OptionName::Parenb => Flag::Control(C::PARENB),
        OptionName::Parodd => Flag::Control(C::PARODD),
        _ => return None,
    })
}

fn code_of(name: OptionName) -> Option<SpecialCodeIndex> {
    Some(match name {
        OptionName::Vmin => SpecialCodeIndex::VMIN,
        OptionName::Vtime => SpecialCodeIndex::VTIME,
        OptionName::Veof => SpecialCodeIndex::VEOF,
        OptionName::Verase => SpecialCodeIndex::VERASE,
        OptionName::Vintr => SpecialCodeIndex::VINTR,
        OptionName::Vkill => SpecialCodeIndex::VKILL,
        OptionName::Vquit => SpecialCodeIndex::VQUIT,
        OptionName::Vsusp => SpecialCodeIndex::VSUSP,
        OptionName::Vstart => SpecialCodeIndex::VSTART,
        OptionName::Vstop => SpecialCodeIndex::VSTOP,
        OptionName::Vdiscard => SpecialCodeIndex::VDISCARD,
        OptionName::Veol => SpecialCodeIndex::VEOL,
        OptionName::Veol2 => SpecialCodeIndex::VEOL2,
        OptionName::Vlnext => SpecialCodeIndex::VLNEXT,
        OptionName::Vreprint => SpecialCodeIndex::VREPRINT,
        OptionName::Vswtc => SpecialCodeIndex::VSWTC,
        OptionName::Vwerase => SpecialCodeIndex::VWERASE,
        _ => return None,
    })
}

/// The character that whoever reads this terminal takes for the end. Whoever wanted it raw from the start sends
/// bytes that mean nothing else, and gets none; a program that made it raw edits lines itself, as readline(3) does:
/// input is still mapped then.
pub(super) fn end_character(fd: impl AsFd) -> Option<u8> {
    let termios = tcgetattr(fd).ok()?;
    let reads =
        termios.local_modes.contains(LocalModes::ICANON) || termios.output_modes.contains(OutputModes::OPOST);
    reads.then(|| termios.special_codes[SpecialCodeIndex::VEOF])
}

/// Whether whoever reads this terminal gets lines, and an end of file.
pub(super) fn reads_lines(fd: impl AsFd) -> bool {
    tcgetattr(fd).is_ok_and(|termios| termios.local_modes.contains(LocalModes::ICANON))
}

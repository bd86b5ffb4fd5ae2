//! The part of a conversion after its name: flags, width, precision, type, with the meaning of Python's %-operator
//! ("printf-style String Formatting" in Python's library reference).
//!
//! Parsed by [`format`](super::format), applied by [`render`](super::render). `%e`, `%g` and `%c` are refused: no atom has a
//! use for them. `*` is refused as in Python, where it needs a tuple.

/// Nobody pads a log field further; a mistyped width must not cost memory at each request.
const WIDTH_MAX: usize = 1000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spec {
    pub(super) kind: Kind,
    /// `-`
    pub(super) is_left: bool,
    /// `0`
    pub(super) is_zero_padded: bool,
    /// `+` or a space: what stands before a number that is not negative.
    pub(super) sign: Option<char>,
    /// `#`
    pub(super) is_alternate: bool,
    /// In characters.
    pub(super) width: usize,
    /// Characters of a text, least digits of an integer, decimals of a fraction.
    pub(super) precision: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `s`
    Text,
    /// `r`
    Repr,
    /// `a`
    Ascii,
    /// `d`, `i`, `u`
    Decimal,
    /// `o`
    Octal,
    /// `x`
    LowerHex,
    /// `X`
    UpperHex,
    /// `f`, `F`
    Fixed,
}

impl Spec {
    /// Parses what stands at the head of `text`; also the bytes it takes. A fault is told with the bytes up to it.
    pub(super) fn parse(text: &str) -> Result<(Spec, usize), (usize, String)> {
        let mut cursor = Cursor { text, at: 0 };
        let mut spec = Spec {
            kind: Kind::Text,
            is_left: false,
            is_zero_padded: false,
            sign: None,
            is_alternate: false,
            width: 0,
            precision: None,
        };
        while let Some(flag) = cursor.take_if(|c| "-0+ #".contains(c)) {
            match flag {
                '-' => spec.is_left = true,
                '0' => spec.is_zero_padded = true,
                '+' => spec.sign = Some('+'),
                ' ' => spec.sign = spec.sign.or(Some(' ')),
                _ => spec.is_alternate = true,
            }
        }
        spec.width = cursor.number()?.unwrap_or(0);
        if cursor.take_if(|c| c == '.').is_some() {
            spec.precision = Some(cursor.number()?.unwrap_or(0));
        }
        cursor.take_if(|c| "hlL".contains(c)); // a C length, which Python ignores
        let Some(letter) = cursor.take_if(|_| true) else {
            return Err((cursor.at, "the conversion type is missing, as the s of %(h)s".to_owned()));
        };
        spec.kind = match letter {
            '%' => return Err((cursor.at, "a percent sign is written %%".to_owned())),
            's' => Kind::Text,
            'r' => Kind::Repr,
            'a' => Kind::Ascii,
            'd' | 'i' | 'u' => Kind::Decimal,
            'o' => Kind::Octal,
            'x' => Kind::LowerHex,
            'X' => Kind::UpperHex,
            'f' | 'F' => Kind::Fixed,
            '*' => {
                return Err((cursor.at, "a width from the arguments (*) has no arguments here".to_owned()));
            }
            other => {
                return Err((
                    cursor.at,
                    format!("unknown conversion type '{other}'; known are s r a d i u o x X f F"),
                ));
            }
        };
        Ok((spec, cursor.at))
    }

    pub(super) fn wants_number(self) -> bool {
        !matches!(self.kind, Kind::Text | Kind::Repr | Kind::Ascii)
    }

    /// `%(x)s` without anything else: the value as it is.
    pub(super) fn is_bare(self) -> bool {
        self.kind == Kind::Text && self.width == 0 && self.precision.is_none()
    }

    /// An integer by Python's rules, without its padding by spaces.
    pub(super) fn integer(self, value: u64) -> String {
        let (digits, prefix) = match self.kind {
            Kind::Octal => (format!("{value:o}"), "0o"),
            Kind::LowerHex => (format!("{value:x}"), "0x"),
            Kind::UpperHex => (format!("{value:X}"), "0X"),
            _ => (value.to_string(), ""),
        };
        let digits = format!("{digits:0>least$}", least = self.precision.unwrap_or(0));
        self.with_sign(if self.is_alternate { prefix } else { "" }, &digits)
    }

    /// A fraction by Python's rules, without its padding by spaces.
    pub(super) fn fraction(self, value: f64) -> String {
        let mut digits = format!("{value:.decimals$}", decimals = self.precision.unwrap_or(6));
        if self.is_alternate && self.precision == Some(0) {
            digits.push('.');
        }
        self.with_sign("", &digits)
    }

    fn with_sign(self, prefix: &str, digits: &str) -> String {
        let sign = self.sign.map_or(String::new(), String::from);
        let taken = sign.len() + prefix.len();
        let zeros = if self.is_zero_padded && !self.is_left { self.width.saturating_sub(taken) } else { 0 };
        format!("{sign}{prefix}{digits:0>zeros$}")
    }
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl Cursor<'_> {
    fn take_if(&mut self, is_wanted: impl Fn(char) -> bool) -> Option<char> {
        let c = self.text[self.at..].chars().next().filter(|&c| is_wanted(c))?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn number(&mut self) -> Result<Option<usize>, (usize, String)> {
        let begin = self.at;
        while self.take_if(|c| c.is_ascii_digit()).is_some() {}
        match self.text[begin..self.at].parse::<usize>() {
            _ if begin == self.at => Ok(None),
            Ok(number) if number <= WIDTH_MAX => Ok(Some(number)),
            _ => Err((self.at, format!("the width or precision is above {WIDTH_MAX}"))),
        }
    }
}

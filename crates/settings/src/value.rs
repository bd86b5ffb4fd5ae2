//! The values a setting can hold, as they come from any layer.
//!
//! The bridge makes them from Python objects, `command_line` from arguments, `Kind::check` normalises them. No Python object
//! is held here: what only the interpreter can hold is a [`Foreign`], a ticket for an object that the bridge keeps.

/// A value of a setting, before or after validation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Python's `None`: not given, or switched off.
    None,
    /// `True` or `False`.
    Bool(bool),
    /// A whole number. Units are those of the setting's row: seconds or bytes where the row says so.
    Int(i64),
    /// Text.
    Str(String),
    /// A list or tuple of texts.
    List(Vec<String>),
    /// A dict of texts, in the order of the dict.
    Map(Vec<(String, String)>),
    /// An object that only the bridge can hold.
    Foreign(Foreign),
}

/// A ticket for an object of the config file or the embedding program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// The bridge's key for the object.
    pub id: u64,
    /// Callables and classes: the qualified name, `on_starting` or `Outer.method`. Everything else: the `repr()`.
    pub label: String,
    /// How many positional parameters a callable takes; `None` if the bridge cannot tell or it is not callable.
    pub arity: Option<Arity>,
    /// What sort of object it is.
    pub kind: ForeignKind,
}

/// The number of positional parameters of a callable, those with defaults included, `*args` not (`inspect.signature`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arity(pub u8);

/// What the bridge knows about a foreign object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForeignKind {
    /// A function, method or other callable that is not a class.
    Callable,
    /// A class.
    Class,
    /// A dict whose keys and values are not all texts.
    Dict,
    /// Anything else: a float, a module, a number above 64 bits, a list of numbers ...
    Other,
}

impl Value {
    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        if let Value::Str(text) = self { Some(text) } else { None }
    }

    /// The list, if it is one; empty otherwise.
    pub fn as_list(&self) -> &[String] {
        if let Value::List(items) = self { items } else { &[] }
    }

    /// Whether it is `True`; `None` counts as false, as Python's truth test has it.
    pub fn is_true(&self) -> bool {
        *self == Value::Bool(true)
    }

    /// The Python type's name, for error texts.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Value::None => "None",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Str(_) => "str",
            Value::List(_) => "list",
            Value::Map(_) => "dict",
            Value::Foreign(foreign) => match foreign.kind {
                ForeignKind::Callable => "a callable",
                ForeignKind::Class => "a class",
                ForeignKind::Dict => "dict",
                ForeignKind::Other => "object",
            },
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Str(text.to_owned())
    }
}

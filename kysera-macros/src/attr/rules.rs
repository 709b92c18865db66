//! `#[garde(..)]` and `#[validate(..)]`.

use proc_macro2::TokenStream;
use syn::Attribute;

use super::Features;
use super::container::Container;
use crate::diag::Diag;
use crate::model::Column;

/// Who checks values.
pub(crate) enum Rules {
    /// Nobody.
    None,
    /// The user's own impls.
    Manual,
}

/// The rules of one field.
#[derive(Default)]
pub(crate) struct FieldRules {
    /// The attributes of the field of `NewX`.
    pub(crate) new: TokenStream,
    /// The attributes of the field of `XPatch`.
    pub(crate) patch: TokenStream,
}

impl FieldRules {
    pub(crate) fn parse(_attrs: &[Attribute], _diag: &Diag) -> Self {
        Self::default()
    }
}

impl Rules {
    pub(crate) fn new(
        _attrs: &[Attribute],
        container: &Container,
        _columns: &mut [Column],
        _features: Features,
        _diag: &Diag,
    ) -> Self {
        if container.validate { Self::Manual } else { Self::None }
    }
}

//! Keys of several columns.
#![deny(warnings)]

use kysera::prelude::*;

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "members", unique(org, nick, name = "members_nick"), unique(since, org))]
pub struct Member {
    #[kysera(id)]
    pub org: i64,
    #[kysera(id, assigned)]
    pub person: String,
    #[kysera(id, default)]
    pub round: i32,
    pub nick: Option<String>,
    pub since: i64,
}

fn main() {
    let member = Member { org: 1, person: "ada".into(), round: 2, nick: None, since: 0 };
    let id: (i64, String, i32) = member.id();
    assert_eq!(id, (1, "ada".into(), 2));
    assert_eq!(Member::id_value(&id, 0).downcast_ref(), Some(&1_i64));
    assert_eq!(Member::id_value(&id, 1).downcast_ref(), Some(&"ada".to_string()));
    assert_eq!(Member::id_value(&id, 2).downcast_ref(), Some(&2_i32));
    let _ = NewMember { org: 1, person: "ada".into(), round: None, nick: None, since: 0 };
    let _ = MemberPatch::new().nick("x").since(3);

    let meta = <Member as Entity>::META;
    assert_eq!(meta.id, [0, 1, 2]);
    assert_eq!((meta.unique[0].name, meta.unique[0].columns), (Some("members_nick"), &[0, 3][..]));
    assert_eq!((meta.unique[1].name, meta.unique[1].columns), (None, &[4, 0][..]));
    assert_eq!(
        <Member as Entity>::TEXTS.postgres.delete,
        r#"DELETE FROM "members" WHERE "org" = $1 AND "person" = $2 AND "round" = $3"#
    );
}

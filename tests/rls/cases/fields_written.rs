//! What may not be written is not, whichever way, and what could not be read stays as it is.

use kysera::plugin::VersionMethods;
use kysera::prelude::*;
use kysera::rls::Action;
use kysera::{Conflict, Error};
use sqlx::types::chrono::{DateTime, NaiveDate, Utc};
use sqlx::types::{Json, Uuid};

use super::staff::*;

fn new(id: i64, name: &str) -> NewEmployee {
    NewEmployee { id, name: name.into(), dept_id: 1, salary: None, ssn: "w".into(), note: None, grade: None }
}

#[track_caller]
fn denied<T: std::fmt::Debug>(result: Result<T, Error>, of: Action, column: &str) {
    match result.unwrap_err() {
        Error::Denied { entity: "Employee", action, column: Some(name), .. } => {
            assert_eq!((action, name), (of, column))
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_column_is_written_by_those_who_may_and_refused_by_name() {
    let fixture = staff().await;
    let db = as_sales(&fixture, 1);
    let staff = Employee::repo(&db);
    let with_note = |id, name| NewEmployee { note: Some("mine".into()), ..new(id, name) };
    let graded = |id, name| NewEmployee { grade: Some(9), ..new(id, name) };
    let (note, grade) = (|| EmployeePatch::new().note("mine"), || EmployeePatch::new().grade(9));

    denied(staff.create(with_note(4, "dan")).await, Action::Create, "note");
    denied(staff.create(graded(4, "dan")).await, Action::Create, "grade");
    denied(staff.create_many([new(4, "dan"), with_note(5, "eve")]).await, Action::Create, "note");
    denied(staff.insert_many([new(4, "dan"), graded(5, "eve")]).await, Action::Create, "grade");
    assert_eq!(staff.count().await.unwrap(), 3);
    // No value is no write: the database gives one.
    assert_eq!(staff.create(new(4, "dan")).await.unwrap().grade, 1);
    assert_eq!(staff.create_many([new(5, "eve"), new(6, "fox")]).await.unwrap().len(), 2);
    assert_eq!(staff.insert_many([new(7, "gus")]).await.unwrap(), 1);

    denied(staff.update(1, note()).await, Action::Update, "note");
    denied(staff.update(2, grade().name("x")).await, Action::Update, "grade");
    // None is a value of an update.
    denied(staff.update(1, EmployeePatch::new().note(None)).await, Action::Update, "note");
    denied(
        staff.update_many([(1, EmployeePatch::new().name("x")), (2, grade())]).await,
        Action::Update,
        "grade",
    );
    denied(staff.transition(1, Employee::GRADE, 1, 2, EmployeePatch::new()).await, Action::Update, "grade");
    denied(staff.transition(1, Employee::DEPT_ID, 1, 2, grade()).await, Action::Update, "grade");
    let read = staff.get(1).await.unwrap();
    denied(staff.update_at(1, read.version, note()).await, Action::Update, "note");
    let on_name = || Conflict::on(Employee::NAME).update((Employee::DEPT_ID, Employee::GRADE));
    // The new row, and the one that is there.
    denied(staff.upsert(graded(8, "hal"), on_name()).await, Action::Create, "grade");
    let both = staff.upsert(graded(8, "bob"), on_name()).await;
    assert!(matches!(both, Err(Error::Denied { column: Some("grade"), .. })), "{both:?}");
    denied(staff.upsert_many([new(8, "hal"), graded(9, "ian")], on_name()).await, Action::Create, "grade");
    // Of queries the rows are left out that may not be written: here, all.
    let find = || staff.find().filter(Employee::ID.le(3));
    assert_eq!(find().update(grade()).await.unwrap(), 0);
    assert_eq!(find().set(Employee::GRADE, Employee::GRADE.plus(1)).execute().await.unwrap(), 0);
    assert_eq!(find().set(Employee::NOTE, "x").execute().await.unwrap(), 0);

    let rows = Employee::repo(&as_hr(&fixture))
        .find()
        .filter(Employee::ID.le(3))
        .order_by(Employee::ID.asc())
        .all()
        .await
        .unwrap();
    assert_eq!(
        rows.iter().map(|row| (row.grade, row.note.as_deref())).collect::<Vec<_>>(),
        [(1, Some("fine")), (2, Some("late")), (3, Some("new"))]
    );
    assert!(rows.iter().all(|row| row.version == 1 && row.dept_id == 1));
    assert_eq!(
        staff.find().filter(Employee::NAME.in_(["hal", "ian"].map(String::from))).count().await.unwrap(),
        0
    );

    let hr = as_hr(&fixture);
    let hrs = Employee::repo(&hr);
    assert_eq!(
        hrs.create(NewEmployee { note: Some("n".into()), ..graded(8, "hal") }).await.unwrap().grade,
        9
    );
    assert_eq!(hrs.update(1, note().grade(5)).await.unwrap().grade, 5);
    assert_eq!(hrs.upsert(graded(9, "bob"), on_name()).await.unwrap().grade, 9);
    assert_eq!(hrs.find().filter(Employee::ID.le(3)).set(Employee::GRADE, 7).execute().await.unwrap(), 3);
    let moved = hrs.transition(1, Employee::GRADE, 7, 8, EmployeePatch::new()).await.unwrap();
    assert_eq!(moved.unwrap().grade, 8);
}

#[tokio::test]
async fn what_is_saved_as_it_was_masked_stays_as_it_was_stored() {
    let fixture = staff().await;
    let (hr, me) = (as_hr(&fixture), as_sales(&fixture, 77));
    let masks = Masked::repo(&hr);
    let new = NewMasked {
        id: 1,
        owner_id: 5,
        flag: true,
        small: 7,
        int: 70_000,
        float: 1.25,
        at: DateTime::<Utc>::from_timestamp_micros(1_700_000_000_123_456).unwrap(),
        day: NaiveDate::from_ymd_opt(2024, 2, 29).unwrap(),
        json: Json(serde_json::json!({"a": [1, "x"]})),
        uuid: Uuid::from_u128(7),
        desk: Desk::Hr,
        bytes: vec![0, 255],
        maybe_flag: Some(true),
        maybe_at: DateTime::<Utc>::from_timestamp_micros(1),
        maybe_json: Some(Json(serde_json::json!([null]))),
        maybe_uuid: Some(Uuid::from_u128(9)),
    };
    masks.create(new).await.unwrap();
    let system = fixture.source().unrestricted("what is there");
    let whole = Masked::repo(&system).get(1).await.unwrap();
    assert_eq!((whole.flag, whole.desk, whole.maybe_uuid), (true, Desk::Hr, Some(Uuid::from_u128(9))));

    let mine = Masked::repo(&me);
    let mut read = mine.get(1).await.unwrap();
    let masked = Masked {
        flag: false,
        small: 0,
        int: 0,
        float: 0.5,
        at: DateTime::<Utc>::UNIX_EPOCH,
        day: NaiveDate::from_ymd_opt(1970, 1, 1).unwrap(),
        json: Json(serde_json::json!({"hidden": true})),
        uuid: Uuid::nil(),
        desk: Desk::Sales,
        bytes: Vec::new(),
        maybe_flag: None,
        maybe_at: None,
        maybe_json: None,
        maybe_uuid: None,
        ..whole.clone()
    };
    assert_eq!(read, masked);
    assert_eq!(
        mine.find().filter(Masked::FLAG.eq(false)).all().await.unwrap(),
        std::slice::from_ref(&masked)
    );
    // Even where what it asks for changes with it: who may read it is said of the row as it was.
    read.owner_id = 77;
    let saved = mine.save(&read).await.unwrap();
    assert_eq!(saved, Masked { owner_id: 77, version: 2, ..whole });
    assert_eq!(Masked::repo(&system).get(1).await.unwrap(), saved);
    // What one may read is written, and given away afterwards.
    let changed = Masked { int: 71_000, maybe_flag: None, bytes: vec![1], owner_id: 6, ..saved.clone() };
    let given = mine.save(&changed).await.unwrap();
    assert_eq!((given.int, given.owner_id, given.version), (0, 6, 3));
    assert_eq!(Masked::repo(&system).get(1).await.unwrap(), Masked { version: 3, ..changed });
}

#[tokio::test]
async fn a_row_is_saved_under_a_policy_as_well() {
    let fixture = staff().await;
    let (hr, me) = (as_hr(&fixture), as_sales(&fixture, 5));
    fixture.execute("INSERT INTO ruled VALUES (1, 100, 3, 1)").await;
    let mine = Ruled::repo(&me);
    let mut read = mine.get(1).await.unwrap();
    assert_eq!(read.amount, -1);
    read.month = 4;
    // What the row becomes is judged by what is stored, not by the mask.
    assert_eq!(mine.save(&read).await.unwrap().month, 4);
    assert_eq!(Ruled::repo(&hr).get(1).await.unwrap().amount, 100);
    let mut read = Ruled::repo(&hr).get(1).await.unwrap();
    read.amount = -5;
    let refused = Ruled::repo(&hr).save(&read).await.unwrap_err();
    assert!(matches!(&refused, Error::Denied { rule: Some(rule), .. } if rule == "positive"), "{refused:?}");
    assert_eq!(Ruled::repo(&hr).get(1).await.unwrap().month, 4);
}

/// Rules and a guard about the same column.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera::plugin(rls(context = Staff), version)]
#[kysera(table = "ruled")]
struct Ruled {
    #[kysera(id, assigned)]
    id: i64,
    #[kysera(read_if = Staff::DESK.is(Desk::Hr), mask = -1)]
    amount: i64,
    month: i32,
    version: i32,
}

impl kysera::rls::Policy<Staff> for Ruled {
    fn rules() -> kysera::rls::Rules<Self, Staff> {
        kysera::rls::Rules::new().allow("all", Action::ALL, Ruled::AMOUNT.gt(-100)).check(
            "positive",
            Action::WRITES,
            Ruled::AMOUNT.ge(0) & Ruled::MONTH.ge(0),
        )
    }
}

//! What may not be read is nowhere to be seen: in no row, no filter, no order and no sum.

use futures_util::TryStreamExt;
use kysera::backend::{Backend, Dialect};
use kysera::expr::count;
use kysera::plugin::{AuditMethods, AuditTable, SoftDeleteMethods, TimestampMethods};
use kysera::prelude::*;
use kysera::{Conflict, ErrorCode, Keyset, PageRequest};

use super::staff::*;
use crate::DB;

fn ann() -> Seen {
    (1, Some(300), "z-ann".into(), Some("fine".into()))
}

/// As Ann.
fn all() -> Vec<Seen> {
    vec![ann(), hidden(2), hidden(3)]
}

fn each(rows: &[Employee]) -> Vec<Seen> {
    rows.iter().map(seen).collect()
}

#[tokio::test]
async fn every_way_to_read_rows_masks_what_one_may_not_read() {
    let fixture = staff().await;
    let db = as_sales(&fixture, 1);
    let staff = Employee::repo(&db);
    let find = || staff.find().order_by(Employee::ID.asc());
    assert_eq!(seen(&staff.get(2).await.unwrap()), hidden(2));
    assert_eq!(seen(&staff.find_by_id(1).await.unwrap().unwrap()), ann());
    assert_eq!(each(&staff.find_by_ids([3, 1]).await.unwrap()), [hidden(3), ann()]);
    let mut rows = staff.find_all().await.unwrap();
    rows.sort_by_key(|row| row.id);
    assert_eq!(each(&rows), all());
    assert_eq!(each(&find().all().await.unwrap()), all());
    assert_eq!(seen(&find().first().await.unwrap().unwrap()), ann());
    assert_eq!(each(&find().stream().try_collect::<Vec<_>>().await.unwrap()), all());
    assert_eq!(each(&find().page(PageRequest::new(1, 9)).await.unwrap().items), all());
    assert_eq!(each(&find().with_deleted().all().await.unwrap()), all());
    let projected =
        find().select((Employee::ID, Employee::SALARY, Employee::SSN, Employee::NOTE)).all().await.unwrap();
    assert_eq!(projected, all());
    assert_eq!(find().select(Employee::SSN.upper()).all().await.unwrap(), ["Z-ANN", "***", "***"]);
    assert_eq!(find().select(Employee::SALARY.plus(1)).all().await.unwrap(), [Some(301), None, None]);
    if DB::DIALECT != Dialect::Sqlite {
        let tx = db.begin().await.unwrap();
        let locked =
            Employee::repo(&tx).find().order_by(Employee::ID.asc()).for_update().all().await.unwrap();
        assert_eq!(each(&locked), all());
    }
    // HR sees it all, and so does the program itself.
    let whole = [ann(), stored(&fixture, 2).await, stored(&fixture, 3).await];
    let hr = as_hr(&fixture);
    assert_eq!(each(&Employee::repo(&hr).find().order_by(Employee::ID.asc()).all().await.unwrap()), whole);
    assert_eq!(whole[1], (2, Some(200), "y-bob".into(), Some("late".into())));
}

#[tokio::test]
async fn filters_orders_and_sums_are_about_what_one_sees() {
    let fixture = staff().await;
    let db = as_sales(&fixture, 1);
    let staff = Employee::repo(&db);
    let ids = async |filter: Filter<Employee>| -> Vec<i64> {
        staff.find().filter(filter).order_by(Employee::ID.asc()).select(Employee::ID).all().await.unwrap()
    };
    assert_eq!(ids(Employee::SALARY.eq(200)).await, [0; 0]);
    assert_eq!(ids(Employee::SALARY.gt(0)).await, [1]);
    assert_eq!(ids(!Employee::SALARY.eq(200)).await, [1]);
    assert_eq!(ids(Employee::SALARY.is_null()).await, [2, 3]);
    assert_eq!(ids(Employee::SALARY.in_([100, 200, 300])).await, [1]);
    assert_eq!(ids(Employee::SSN.starts_with("y")).await, [0; 0]);
    assert_eq!(ids(Employee::SSN.eq("***")).await, [2, 3]);
    assert_eq!(ids(Filter::raw("{} > 150", [Employee::SALARY])).await, [1]);
    assert_eq!(staff.find().filter(Employee::SALARY.eq(200)).count().await.unwrap(), 0);
    assert!(!staff.find().filter(Employee::NOTE.eq("late")).exists().await.unwrap());
    let outside = Employee::query_schema().filter_str(r#"{"ssn": {"$gt": "x"}}"#).unwrap();
    assert_eq!(ids(outside).await, [1]);
    // Writes by filters find no more than reads do.
    let named = |name: &str| EmployeePatch::new().name(name);
    assert_eq!(staff.find().filter(Employee::SALARY.eq(200)).update(named("found")).await.unwrap(), 0);
    assert_eq!(staff.find().filter(Employee::SSN.eq("x-cat")).delete().await.unwrap(), 0);

    // By what is stored, the order would be the other one.
    let ordered = async |order| staff.find().order_by(order).select(Employee::ID).all().await.unwrap();
    assert_eq!(ordered(Employee::SSN.asc()).await.last(), Some(&1));
    assert_eq!(ordered(Employee::SALARY.asc().nulls_last()).await[0], 1);
    let by = || staff.find().order_by(Employee::SALARY.asc().nulls_first()).order_by(Employee::ID.asc());
    assert_eq!(by().select(Employee::ID).all().await.unwrap(), [2, 3, 1]);
    let (mut place, mut walked) = (None, Vec::new());
    loop {
        let find = staff.find().order_by(Employee::SSN.asc());
        let page = find.keyset(Keyset::first(1).after(place)).await.unwrap();
        walked.extend(page.items.iter().map(|row| (row.id, row.ssn.clone())));
        place = page.next;
        if place.is_none() {
            break;
        }
    }
    assert_eq!(walked, [(2, "***".into()), (3, "***".into()), (1, "z-ann".into())]);

    let one = staff.find().select((
        Employee::SALARY.sum(),
        Employee::SALARY.max(),
        Employee::SSN.min(),
        Employee::SALARY.count(),
    ));
    assert_eq!(one.one().await.unwrap(), (Some(300), Some(300), Some("***".into()), 1));
    let groups =
        staff.find().select((Employee::SSN, count())).group_by(Employee::SSN).order_by(Employee::SSN.asc());
    assert_eq!(groups.all().await.unwrap(), [("***".to_owned(), 2), ("z-ann".into(), 1)]);
    let having = staff
        .find()
        .select(Employee::DEPT_ID)
        .group_by(Employee::DEPT_ID)
        .having(Employee::SALARY.sum().gt(300));
    assert_eq!(having.all().await.unwrap(), [0_i64; 0]);
    let distinct = staff.find().select(Employee::SSN).distinct().order_by(Employee::SSN.asc());
    assert_eq!(distinct.all().await.unwrap(), ["***", "z-ann"]);
}

#[tokio::test]
async fn relations_lead_to_no_more_than_one_sees() {
    let fixture = staff().await;
    let db = as_sales(&fixture, 1);
    let reports = Report::repo(&db);
    let find = || reports.find().order_by(Report::ID.asc());
    let joined: Vec<(Report, Employee)> = find().join(Report::EMPLOYEE).all().await.unwrap();
    assert_eq!(joined.iter().map(|(_, row)| seen(row)).collect::<Vec<_>>(), all());
    let joined = find().left_join(Report::EMPLOYEE).all().await.unwrap();
    assert_eq!(joined.iter().filter_map(|(_, row)| row.as_ref()).map(seen).collect::<Vec<_>>(), all());
    let salary = || Report::EMPLOYEE.get(Employee::SALARY);
    assert_eq!(find().select(salary()).all().await.unwrap(), [Some(300), None, None]);
    assert_eq!(find().join(Report::EMPLOYEE).select(salary()).all().await.unwrap(), [Some(300), None, None]);
    for (at, filter) in [
        salary().eq(200),
        Report::EMPLOYEE.any(Employee::SALARY.eq(200)),
        Report::EMPLOYEE.any(Employee::SSN.eq("y-bob")),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(find().filter(filter).count().await.unwrap(), 0, "{at}");
    }
    assert_eq!(find().filter(Report::EMPLOYEE.none(Employee::SALARY.gt(0))).count().await.unwrap(), 2);
    let ordered = reports.find().order_by(salary().asc().nulls_last()).select(Report::ID);
    assert_eq!(ordered.first().await.unwrap(), Some(11));

    let loaded = find().with(Report::EMPLOYEE).all().await.unwrap();
    assert_eq!(loaded.iter().filter_map(|(_, row)| row.as_ref()).map(seen).collect::<Vec<_>>(), all());
    let depts = Dept::repo(&db);
    let (_, staff) = depts.find().with(Dept::STAFF).one().await.unwrap();
    assert_eq!(each(&staff), all());
    // The one with the highest salary that one sees, and the others by their keys.
    let best = Dept::STAFF.order_by(Employee::SALARY.desc().nulls_last()).limit(2);
    assert_eq!(each(&depts.find().with(best).one().await.unwrap().1), [ann(), hidden(2)]);
    let poor = Dept::STAFF.filter(Employee::SALARY.lt(300));
    assert_eq!(depts.find().with(poor.clone()).one().await.unwrap().1, []);
    assert_eq!(depts.find().select(poor.count()).one().await.unwrap(), 0);
    let nested = depts.find().with(Dept::STAFF.with(Employee::REPORTS)).one().await.unwrap().1;
    assert_eq!(nested.iter().map(|(row, _)| seen(row)).collect::<Vec<_>>(), all());
}

fn new(id: i64, name: &str) -> NewEmployee {
    NewEmployee {
        id,
        name: name.into(),
        dept_id: 1,
        salary: Some(50),
        ssn: format!("w-{id}"),
        note: None,
        grade: None,
    }
}

#[tokio::test]
async fn what_a_write_answers_is_masked_as_well() {
    let fixture = staff().await;
    let db = as_sales(&fixture, 1);
    let staff = Employee::repo(&db);
    let moved = || EmployeePatch::new().dept_id(2);
    assert_eq!(seen(&staff.create(new(4, "dan")).await.unwrap()), hidden(4));
    assert_eq!(stored(&fixture, 4).await, (4, Some(50), "w-4".into(), None));
    assert_eq!(
        each(&staff.create_many([new(5, "eve"), new(6, "fox")]).await.unwrap()),
        [hidden(5), hidden(6)]
    );
    assert_eq!(seen(&staff.update(2, moved()).await.unwrap()), hidden(2));
    assert_eq!(seen(&staff.update(1, moved()).await.unwrap()), ann());
    assert_eq!(seen(&staff.update(2, EmployeePatch::new()).await.unwrap()), hidden(2));
    assert_eq!(each(&staff.update_many([(3, moved()), (1, moved())]).await.unwrap()), [hidden(3), ann()]);
    // Setting something shows no more of it.
    assert_eq!(seen(&staff.update(4, EmployeePatch::new().salary(60)).await.unwrap()), hidden(4));
    let on_name = || Conflict::on(Employee::NAME).update(Employee::DEPT_ID);
    assert_eq!(seen(&staff.upsert(new(7, "gus"), on_name()).await.unwrap()), hidden(7));
    assert_eq!(seen(&staff.upsert(new(8, "gus"), on_name()).await.unwrap()), hidden(7));
    assert_eq!(
        seen(&staff.upsert(new(8, "bob"), Conflict::on(Employee::NAME).keep()).await.unwrap()),
        hidden(2)
    );
    let many = staff.upsert_many([new(9, "bob"), new(10, "hal")], on_name()).await.unwrap();
    assert_eq!(each(&many), [hidden(2), hidden(10)]);
    assert_eq!(seen(&staff.touch(3).await.unwrap()), hidden(3));
    let state = staff.transition(3, Employee::DEPT_ID, 2, 5, EmployeePatch::new()).await.unwrap();
    assert_eq!(seen(&state.unwrap()), hidden(3));
    assert!(staff.delete(3).await.unwrap());
    assert_eq!(seen(&staff.restore(3).await.unwrap()), hidden(3));
    let read = staff.get(3).await.unwrap();
    assert_eq!(seen(&staff.update_at(3, read.version, moved()).await.unwrap()), hidden(3));
    assert_eq!(stored(&fixture, 3).await, (3, Some(100), "x-cat".into(), Some("new".into())));
}

#[tokio::test]
async fn nobody_finds_a_value_out_by_trying() {
    let fixture = staff().await;
    let db = as_sales(&fixture, 1);
    let staff = Employee::repo(&db);
    // Whether the salary was 200 would be the answer.
    for guess in [100, 200] {
        let changed =
            staff.transition(2, Employee::SALARY, Some(guess), Some(1), EmployeePatch::new()).await.unwrap();
        assert_eq!(changed, None, "{guess}");
    }
    assert_eq!(stored(&fixture, 2).await.1, Some(200));
    assert!(
        staff
            .transition(1, Employee::SALARY, Some(300), Some(301), EmployeePatch::new())
            .await
            .unwrap()
            .is_some()
    );
    assert_eq!(stored(&fixture, 1).await.1, Some(301));
    // Copied to where one can read it, it is what one sees.
    let set = staff.find().filter(Employee::ID.eq(2)).set(Employee::DEPT_ID, Employee::SALARY.coalesce(-1));
    assert_eq!(set.execute().await.unwrap(), 1);
    assert_eq!(staff.get(2).await.unwrap().dept_id, -1);
    let set = staff.find().filter(Employee::ID.eq(2)).set(Employee::NAME, Employee::SSN);
    assert_eq!(set.execute().await.unwrap(), 1);
    assert_eq!(staff.get(2).await.unwrap().name, "***");
}

#[tokio::test]
async fn the_log_shows_what_the_rows_do() {
    let fixture = staff().await;
    AuditTable::of::<Payroll>().create(fixture.source()).await.unwrap();
    let (hr, sales) = (as_hr(&fixture), as_sales(&fixture, 1));
    Payroll::repo(&hr).create(NewPayroll { id: 1, amount: Some(12_345), month: 1 }).await.unwrap();
    Payroll::repo(&hr).update(1, PayrollPatch::new().month(2).amount(54_321)).await.unwrap();
    let log: Vec<String> = fixture
        .column(match DB::DIALECT {
            Dialect::Postgres => {
                "SELECT COALESCE(old_values::text, '') || COALESCE(new_values::text, '') FROM audit_logs"
            }
            Dialect::MySql => {
                "SELECT CONCAT(COALESCE(old_values, ''), COALESCE(new_values, '')) FROM audit_logs"
            }
            _ => "SELECT COALESCE(old_values, '') || COALESCE(new_values, '') FROM audit_logs",
        })
        .await;
    assert_eq!(log.len(), 2);
    assert!(log.iter().all(|text| !text.contains("12345") && !text.contains("54321")), "{log:?}");
    let payroll = Payroll::repo(&sales);
    assert_eq!(payroll.history(1).all().await.unwrap().len(), 2);
    let now = std::time::SystemTime::now;
    assert_eq!(payroll.state_at(1, now()).await.unwrap().unwrap().amount, None);
    assert_eq!(payroll.values_at(1, now()).await.unwrap().unwrap()["amount"], "***");

    let open = OpenPayroll::repo(&sales);
    open.create(NewOpenPayroll { id: 2, amount: Some(777), month: 1 }).await.unwrap();
    // A row is masked as it would be now; what is written down has no masks.
    assert_eq!(open.state_at(2, now()).await.unwrap().unwrap().amount, None);
    for error in [open.history(2).all().await.unwrap_err(), open.values_at(2, now()).await.unwrap_err()] {
        assert_eq!(error.code(), ErrorCode::BadRequest, "{error}");
        assert!(error.to_string().contains("`amount`"), "{error}");
        assert!(!error.to_string().contains("777"), "{error}");
    }
    // HR is one of those whom the guard asks as well; the program itself is not.
    let system = fixture.source().unrestricted("the log");
    assert_eq!(OpenPayroll::repo(&system).history(2).all().await.unwrap().len(), 1);
}

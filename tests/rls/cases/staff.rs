//! Employees, of whom not everyone reads and writes everything.

use kysera::prelude::*;
use kysera::rls::Claims;
use kysera::{Actor, Db};
use kysera_tests::{Ddl, Fixture};
use sqlx::types::chrono::{DateTime, NaiveDate, Utc};
use sqlx::types::{Json, Uuid};

use crate::DB;

/// Text everywhere, and a type that serde does not know.
#[derive(Debug, Clone, Copy, PartialEq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Desk {
    Hr,
    Sales,
}

#[derive(Debug, Clone, Claims)]
pub struct Staff {
    pub id: i64,
    pub desk: Desk,
    pub is_boss: bool,
}

impl Actor for Staff {
    fn actor(&self) -> Option<std::borrow::Cow<'_, str>> {
        Some(self.id.to_string().into())
    }
}

/// Everyone reads who works here; what they earn is between them and HR.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera::plugin(soft_delete, timestamps, version)]
#[kysera(table = "employees", context = Staff, has_many(reports = Report::EMPLOYEE_ID))]
pub struct Employee {
    #[kysera(id, assigned)]
    pub id: i64,
    #[kysera(unique)]
    pub name: String,
    #[kysera(belongs_to(dept = Dept::ID))]
    pub dept_id: i64,
    #[kysera(read_if = Self::ID.eq(Staff::ID) | Staff::DESK.is(Desk::Hr))]
    pub salary: Option<i64>,
    #[kysera(read_if = Self::ID.eq(Staff::ID) | Staff::DESK.is(Desk::Hr), mask = "***", filterable, sortable)]
    pub ssn: String,
    #[kysera(read_if = Self::ID.eq(Staff::ID) | Staff::DESK.is(Desk::Hr), write_if = Staff::DESK.is(Desk::Hr))]
    pub note: Option<String>,
    #[kysera(default, write_if = Staff::DESK.is(Desk::Hr))]
    pub grade: i32,
    pub version: i32,
    pub created_at: i64,
    pub updated_at: i64,
    pub deleted_at: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "reports")]
pub struct Report {
    #[kysera(id, assigned)]
    pub id: i64,
    #[kysera(belongs_to(employee = Employee::ID))]
    pub employee_id: i64,
}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "depts", has_many(staff = Employee::DEPT_ID))]
pub struct Dept {
    #[kysera(id, assigned)]
    pub id: i64,
}

/// With a log, where the guarded columns are not shown.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera::plugin(audit)]
#[kysera(table = "payroll", context = Staff)]
pub struct Payroll {
    #[kysera(id, assigned)]
    pub id: i64,
    #[kysera(sensitive, read_if = Staff::DESK.is(Desk::Hr))]
    pub amount: Option<i64>,
    pub month: i32,
}

/// The same, where they would be.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera::plugin(audit)]
#[kysera(table = "payroll", context = Staff)]
pub struct OpenPayroll {
    #[kysera(id, assigned)]
    pub id: i64,
    #[kysera(read_if = Staff::DESK.is(Desk::Hr))]
    pub amount: Option<i64>,
    pub month: i32,
}

/// Masks of many types.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera::plugin(version)]
#[kysera(table = "masks", context = Staff)]
pub struct Masked {
    #[kysera(id, assigned)]
    pub id: i64,
    pub owner_id: i64,
    #[kysera(read_if = Self::OWNER_ID.eq(Staff::ID), mask = false)]
    pub flag: bool,
    #[kysera(read_if = Self::OWNER_ID.eq(Staff::ID), mask = 0)]
    pub small: i16,
    #[kysera(read_if = Self::OWNER_ID.eq(Staff::ID), mask = 0)]
    pub int: i32,
    #[kysera(read_if = Self::OWNER_ID.eq(Staff::ID), mask = 0.5)]
    pub float: f64,
    #[kysera(read_if = Self::OWNER_ID.eq(Staff::ID), mask = DateTime::<Utc>::UNIX_EPOCH)]
    pub at: DateTime<Utc>,
    #[kysera(read_if = Self::OWNER_ID.eq(Staff::ID), mask = NaiveDate::MIN.max(NaiveDate::from_ymd_opt(1970, 1, 1).unwrap_or_default()))]
    pub day: NaiveDate,
    #[kysera(read_if = Self::OWNER_ID.eq(Staff::ID), mask = Json(serde_json::json!({"hidden": true})))]
    pub json: Json<serde_json::Value>,
    #[kysera(read_if = Self::OWNER_ID.eq(Staff::ID), mask = Uuid::nil())]
    pub uuid: Uuid,
    #[kysera(read_if = Self::OWNER_ID.eq(Staff::ID), mask = Desk::Sales)]
    pub desk: Desk,
    #[kysera(read_if = Self::OWNER_ID.eq(Staff::ID), mask = Vec::new())]
    pub bytes: Vec<u8>,
    #[kysera(read_if = Self::OWNER_ID.eq(Staff::ID))]
    pub maybe_flag: Option<bool>,
    #[kysera(read_if = Self::OWNER_ID.eq(Staff::ID))]
    pub maybe_at: Option<DateTime<Utc>>,
    #[kysera(read_if = Self::OWNER_ID.eq(Staff::ID))]
    pub maybe_json: Option<Json<serde_json::Value>>,
    #[kysera(read_if = Self::OWNER_ID.eq(Staff::ID))]
    pub maybe_uuid: Option<Uuid>,
    pub version: i32,
}

pub const STAFF: Ddl = Ddl {
    postgres: "CREATE TABLE employees (id BIGINT PRIMARY KEY, name TEXT NOT NULL UNIQUE, dept_id BIGINT NOT NULL, salary BIGINT,
            ssn TEXT NOT NULL, note TEXT, grade INT NOT NULL DEFAULT 1, version INT NOT NULL, created_at BIGINT NOT NULL,
            updated_at BIGINT NOT NULL, deleted_at BIGINT);
        CREATE TABLE reports (id BIGINT PRIMARY KEY, employee_id BIGINT NOT NULL);
        CREATE TABLE depts (id BIGINT PRIMARY KEY);
        CREATE TABLE payroll (id BIGINT PRIMARY KEY, amount BIGINT, month INT NOT NULL);
        CREATE TABLE ruled (id BIGINT PRIMARY KEY, amount BIGINT NOT NULL, month INT NOT NULL, version INT NOT NULL);
        CREATE TABLE masks (id BIGINT PRIMARY KEY, owner_id BIGINT NOT NULL, flag BOOLEAN NOT NULL, small SMALLINT NOT NULL,
            int INT NOT NULL, float DOUBLE PRECISION NOT NULL, at TIMESTAMPTZ NOT NULL,
            day DATE NOT NULL, json JSONB NOT NULL, uuid UUID NOT NULL, desk TEXT NOT NULL, bytes BYTEA NOT NULL,
            maybe_flag BOOLEAN, maybe_at TIMESTAMPTZ, maybe_json JSONB, maybe_uuid UUID,
            version INT NOT NULL)",
    mysql: "CREATE TABLE employees (id BIGINT PRIMARY KEY, name VARCHAR(100) NOT NULL UNIQUE, dept_id BIGINT NOT NULL, salary BIGINT,
            ssn VARCHAR(100) NOT NULL, note TEXT, grade INT NOT NULL DEFAULT 1, version INT NOT NULL, created_at BIGINT NOT NULL,
            updated_at BIGINT NOT NULL, deleted_at BIGINT);
        CREATE TABLE reports (id BIGINT PRIMARY KEY, employee_id BIGINT NOT NULL);
        CREATE TABLE depts (id BIGINT PRIMARY KEY);
        CREATE TABLE payroll (id BIGINT PRIMARY KEY, amount BIGINT, month INT NOT NULL);
        CREATE TABLE ruled (id BIGINT PRIMARY KEY, amount BIGINT NOT NULL, month INT NOT NULL, version INT NOT NULL);
        CREATE TABLE masks (id BIGINT PRIMARY KEY, owner_id BIGINT NOT NULL, flag BOOLEAN NOT NULL, small SMALLINT NOT NULL,
            `int` INT NOT NULL, `float` DOUBLE NOT NULL, at TIMESTAMP(6) NOT NULL DEFAULT '2000-01-01',
            day DATE NOT NULL, json JSON NOT NULL, uuid BINARY(16) NOT NULL, desk VARCHAR(20) NOT NULL, bytes VARBINARY(100) NOT NULL,
            maybe_flag BOOLEAN, maybe_at TIMESTAMP(6) NULL, maybe_json JSON, maybe_uuid BINARY(16),
            version INT NOT NULL)",
    sqlite: "CREATE TABLE employees (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, dept_id INTEGER NOT NULL, salary INTEGER,
            ssn TEXT NOT NULL, note TEXT, grade INTEGER NOT NULL DEFAULT 1, version INTEGER NOT NULL, created_at INTEGER NOT NULL,
            updated_at INTEGER NOT NULL, deleted_at INTEGER);
        CREATE TABLE reports (id INTEGER PRIMARY KEY, employee_id INTEGER NOT NULL);
        CREATE TABLE depts (id INTEGER PRIMARY KEY);
        CREATE TABLE payroll (id INTEGER PRIMARY KEY, amount INTEGER, month INTEGER NOT NULL);
        CREATE TABLE ruled (id INTEGER PRIMARY KEY, amount INTEGER NOT NULL, month INTEGER NOT NULL, version INTEGER NOT NULL);
        CREATE TABLE masks (id INTEGER PRIMARY KEY, owner_id INTEGER NOT NULL, flag BOOLEAN NOT NULL, small INTEGER NOT NULL,
            int INTEGER NOT NULL, float REAL NOT NULL, at TEXT NOT NULL, day TEXT NOT NULL, json TEXT NOT NULL,
            uuid BLOB NOT NULL, desk TEXT NOT NULL, bytes BLOB NOT NULL, maybe_flag BOOLEAN, maybe_at TEXT,
            maybe_json TEXT, maybe_uuid BLOB, version INTEGER NOT NULL)",
};

/// Ann, Bob and Cat (1, 2 and 3) of one department, who earn the less the later they come.
pub async fn staff() -> Fixture<DB> {
    let fixture = Fixture::<DB>::new(&STAFF).await;
    fixture
        .execute(
            "INSERT INTO employees VALUES (1, 'ann', 1, 300, 'z-ann', 'fine', 1, 1, 0, 0, NULL), \
                 (2, 'bob', 1, 200, 'y-bob', 'late', 2, 1, 0, 0, NULL), (3, 'cat', 1, 100, 'x-cat', 'new', 3, 1, 0, 0, NULL); \
             INSERT INTO reports VALUES (11, 1), (12, 2), (13, 3); INSERT INTO depts VALUES (1)",
        )
        .await;
    fixture
}

pub fn as_sales(fixture: &Fixture<DB>, id: i64) -> Db<DB, Staff> {
    fixture.source().clone().with_context(Staff { id, desk: Desk::Sales, is_boss: false })
}

pub fn as_hr(fixture: &Fixture<DB>) -> Db<DB, Staff> {
    fixture.source().clone().with_context(Staff { id: 99, desk: Desk::Hr, is_boss: false })
}

/// What there is to hide of an employee.
pub type Seen = (i64, Option<i64>, String, Option<String>);

pub fn seen(row: &Employee) -> Seen {
    (row.id, row.salary, row.ssn.clone(), row.note.clone())
}

/// What everybody else sees.
pub fn hidden(id: i64) -> Seen {
    (id, None, "***".into(), None)
}

/// What is stored, whoever asks.
pub async fn stored(fixture: &Fixture<DB>, id: i64) -> Seen {
    let system = fixture.source().unrestricted("what is there");
    seen(&Employee::repo(&system).find().with_deleted().filter(Employee::ID.eq(id)).one().await.unwrap())
}

//! Who asks, the tables, and who may do what with their rows.

use kysera::prelude::*;
use kysera::rls::{Action, Claims, Policy, Rules};

/// Who asks: made once for each request, from its token.
#[derive(Debug, Clone, Claims)]
pub struct Member {
    pub company_id: i64,
    pub user_id: i64,
    pub is_manager: bool,
}

/// Of one company: other companies' projects do not exist.
#[derive(Debug, Repository)]
#[kysera::plugin(rls(context = Member, tenant(company_id)))]
#[kysera(table = "projects", has_many(tasks = Task::PROJECT_ID), has_many(seats = Seat::PROJECT_ID))]
pub struct Project {
    #[kysera(id)]
    pub id: i64,
    pub company_id: i64,
    pub name: String,
}

/// Who works on a project.
#[derive(Debug, Repository)]
#[kysera::plugin(rls(context = Member, tenant(company_id)))]
#[kysera(table = "seats")]
pub struct Seat {
    #[kysera(id)]
    pub project_id: i64,
    #[kysera(id)]
    pub user_id: i64,
    pub company_id: i64,
}

/// Of one company as well, and within it of those who work on the project.
#[derive(Debug, Repository)]
#[kysera::plugin(soft_delete, rls(context = Member, tenant(company_id), rules))]
#[kysera(table = "tasks")]
pub struct Task {
    #[kysera(id)]
    pub id: i64,
    pub company_id: i64,
    #[kysera(belongs_to(project = Project::ID))]
    pub project_id: i64,
    pub title: String,
    pub done: bool,
    /// For managers alone: everyone else reads 0, also when they order by it or add it up.
    #[kysera(read_if = Member::IS_MANAGER.holds(), write_if = Member::IS_MANAGER.holds(), mask = 0)]
    pub budget: i64,
    pub deleted_at: Option<i64>,
}

impl Policy<Member> for Task {
    fn rules() -> Rules<Self, Member> {
        let works_on_it = || Task::PROJECT.any(Project::SEATS.any(Seat::USER_ID.eq(Member::USER_ID)));
        Rules::new()
            .allow("works on it", [Action::Read, Action::Create, Action::Update], works_on_it())
            .admin(Member::IS_MANAGER)
            .deny("done is done", [Action::Update, Action::Delete], Task::DONE.eq(true))
            // The project could be another company's: a foreign key does not ask whose it is.
            .check(
                "own project",
                Action::WRITES,
                Task::PROJECT.any(Project::COMPANY_ID.eq(Member::COMPANY_ID)),
            )
    }
}

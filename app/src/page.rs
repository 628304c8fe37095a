//! Which page is drawn, and from what.

use crate::medium::Medium;
use crate::view::{
    AccountPage, AgreementReport, AnnotateHome, AnswerList, ApiReference, AuditPage, Comparison,
    DemoPage, InvitationPage, JobQueue, JobShown, NewJob, NewProject, PaperTables, PeoplePage,
    PrivacyPage, Problem, ProjectPage, QuestionDetail, RunDetail, RunsPage, SignInPage, Viewer,
    WorkPage,
};

/// A page with all that it shows.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "a page is made once a request and drawn at once"
)]
pub enum Page {
    /// `/?q=…&model=…&sort=…&direction=…&group=questions&after=…`.
    Runs(Box<RunsPage>),
    /// `/runs/{id}?label=…&label=…`.
    Run(Box<RunDetail>),
    /// `/runs/{id}/answers?label=…&bin=…&outcome=right|wrong&after=…`.
    Answers(AnswerList),
    /// `/runs/{id}/questions/{question_id}`.
    Question(Box<QuestionDetail>),
    /// `/api`.
    Api(Box<ApiReference>),
    /// `/compare?run=RUN&run=RUN:LABEL&base=…&with=…&change=…`.
    Compare(Box<Comparison>),
    /// `/tables?run=…`.
    Tables(Box<PaperTables>),
    /// `/jobs?state=…&after=…`.
    Jobs(JobQueue),
    /// `/jobs/new?config=…` or `?run=…` or `?job=…`, and what is posted there.
    NewJob(Box<NewJob>),
    /// `/jobs/{id}?before=…`.
    Job(Box<JobShown>),
    /// `/annotate`.
    Annotate(AnnotateHome),
    /// `/annotate/new?from=…`, and what is posted there.
    NewProject(Box<NewProject>),
    /// `/annotate/{id}`.
    Project(Box<ProjectPage>),
    /// `/annotate/{id}/agreement`.
    Agreement(Box<AgreementReport>),
    /// `/annotate/{id}/work`, `/annotate/{id}/preview?step=…&turn=…`.
    Work(Box<WorkPage>),
    /// `/sign-in?back=…`, and what is posted there.
    SignIn(SignInPage),
    /// `/invitation/{token}`, and what is posted there.
    Invitation(InvitationPage),
    /// `/account`, and what is posted below it.
    Account(Box<AccountPage>),
    /// `/people`, and what is posted below it.
    People(Box<PeoplePage>),
    /// `/audit?after=…`.
    Audit(Box<AuditPage>),
    /// `/privacy`.
    Privacy(PrivacyPage),
    Problem(Problem),
    /// `/your-file`: what it shows comes of the visitor's own file.
    YourFile,
    /// `/demo`: a small model in the visitor's own browser.
    Demo(Box<DemoPage>),
}

/// What a page needs to know of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderContext {
    /// The nonce of this response's Content-Security-Policy; every script carries it.
    pub nonce: String,
    /// Whether `/assets/app.js` and `/assets/app_bg.wasm` are served; without them pages work
    /// without islands.
    pub assets_present: bool,
    /// Path and query of the request, e.g. `/runs/demo?label=sayself`.
    pub path: String,
    /// What the visitor should know about the server, a sentence each, drawn as a line above every
    /// page (role `status`), e.g. that the database cannot be written; mostly empty.
    pub warnings: Vec<String>,
    /// Who looks: what he may not do is not offered.
    pub viewer: Viewer,
    pub medium: Medium,
}

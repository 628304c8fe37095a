//! One annotator: rates as people do, with all that goes wrong between a browser and a server.

use super::client::{Client, Cut, Reply};
use super::draws::Draws;
use super::ledger::Acknowledged;
use super::persist::{PATIENCE, Verdicted, persist, submit};
use super::work::{Work, count};
use datasets::annotation::{
    Choice, RatingRequest, RatingSaved, Span, Verdict, WorkItem, WorkProgress,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// After a lease's end, until the one who walked away comes back.
const AWAY_AFTER_LEASE_MS: i64 = 2_000;

/// `POST …/leases`, as far as it matters here.
#[derive(Deserialize)]
struct Batch {
    standing: String,
    items: Vec<WorkItem>,
    progress: WorkProgress,
}

pub struct Annotator<'a> {
    number: usize,
    client: Client,
    draws: Draws,
    work: &'a Work,
    walks_away: bool,
    own: Vec<Acknowledged>,
}

impl<'a> Annotator<'a> {
    pub fn new(number: usize, client: Client, seed: u64, work: &'a Work) -> Self {
        Annotator {
            number,
            client,
            draws: Draws::new(seed, number as u64 + 1),
            work,
            walks_away: false,
            own: Vec::new(),
        }
    }

    /// Takes items, goes away until others have got them, and rates them all the same.
    pub fn walking_away(mut self) -> Self {
        self.walks_away = true;
        self
    }

    /// Works until all is rated.
    pub fn work(mut self) {
        let began = Instant::now();
        let mut last_word = Instant::now();
        loop {
            if self.work.is_over.load(Ordering::Relaxed) {
                return;
            }
            let batch = self.lease();
            match batch.standing.as_str() {
                "consent" => {
                    let path = self.path("consent");
                    self.ask("POST", &path, &json!({"agreed": true}));
                }
                "training" | "ready" if !batch.items.is_empty() => {
                    last_word = Instant::now();
                    // Training is not what is walked away from.
                    if self.walks_away && batch.items.iter().all(|item| !item.training) {
                        self.walks_away = false;
                        count(&self.work.counts.walked_away);
                        wait_for_the_end_of(&batch.items);
                    }
                    for item in &batch.items {
                        self.rate(item);
                    }
                    if self.draws.chance(self.work.habits.corrections) {
                        self.correct();
                    }
                    if self.draws.chance(self.work.habits.pauses) {
                        self.pause();
                    }
                }
                "training" | "ready" | "nothing-left" | "waiting" => {
                    let is_last_part = self.work.is_last_part.load(Ordering::Relaxed);
                    if is_last_part && batch.progress.rated >= batch.progress.wanted {
                        return;
                    }
                    // Others' leases must end before there is more, or kills go on.
                    self.correct_instead(is_last_part);
                    if is_last_part && last_word.elapsed() > PATIENCE {
                        self.work.ledger.note_wrong(format!(
                            "annotator {} found nothing to rate for {} s of {} s, and {:?} is the progress",
                            self.number,
                            last_word.elapsed().as_secs(),
                            began.elapsed().as_secs(),
                            batch.progress
                        ));
                        return;
                    }
                }
                other => {
                    self.work
                        .ledger
                        .note_wrong(format!("annotator {} is told {other}", self.number));
                    return;
                }
            }
        }
    }

    fn path(&self, rest: &str) -> String {
        format!("/api/work/{}/{rest}", self.work.project)
    }

    fn lease(&mut self) -> Batch {
        let want = 1 + self.draws.below(3);
        let path = self.path("leases");
        let began = Instant::now();
        let (reply, tries) =
            self.persist(|client| client.send("POST", &path, &json!({"want": want})));
        if tries == 1 {
            let took = began.elapsed().as_secs_f64() * 1_000.0;
            self.work.counts.lease_ms.lock().unwrap().push(took);
        }
        serde_json::from_value(reply.ok()).unwrap()
    }

    fn ask(&mut self, method: &str, path: &str, body: &Value) -> Value {
        self.persist(|client| client.send(method, path, body))
            .0
            .ok()
    }

    fn persist(&mut self, ask: impl FnMut(&Client) -> Result<Reply, String>) -> (Reply, u32) {
        persist(&self.client, &mut self.draws, self.work, ask)
    }

    fn rate(&mut self, item: &WorkItem) {
        sleep(Duration::from_millis(
            self.draws.below(self.work.habits.think_ms.max(1)) as u64,
        ));
        let request = self.words(item);
        let habits = self.work.habits;
        let mut chosen = self.draws.share();
        let mut is = |share: f64| {
            let is = (0.0..share).contains(&chosen);
            chosen -= share;
            is
        };
        if is(habits.double_clicks) {
            self.double_click(request);
        } else if is(habits.two_tabs) {
            self.in_two_tabs(item, request);
        } else if is(habits.cuts) {
            self.cut_off(request);
        } else {
            let key = self.draws.uuid();
            self.submit(&key, &request);
        }
        if self.draws.chance(habits.replays) {
            self.replay();
        }
    }

    /// What is said of an item, at random.
    fn words(&mut self, item: &WorkItem) -> RatingRequest {
        let mut request = RatingRequest {
            assignment: item.assignment.clone(),
            revision: item.revisions + 1,
            note: match self.draws.below(4) {
                0 => format!("n\u{b0} {} \u{2014} \"{}\"", self.number, self.draws.bits()),
                _ => String::new(),
            },
            active_ms: self.draws.below(60_000) as u64,
            made_ms: now_ms() as u64,
            ..RatingRequest::default()
        };
        if !item.training && self.draws.chance(self.work.habits.skips) {
            request.skip = Some("I do not know this country".into());
        } else if item.rationales.len() > 1 {
            request.choice = Some(Choice::ALL[self.draws.below(Choice::ALL.len())]);
        } else {
            request.score = Some(self.draws.below(11) as u8);
        }
        let length = item.rationales[0].encode_utf16().count();
        if request.skip.is_none() && length > 4 && self.draws.chance(0.2) {
            request.spans.push(Span {
                side: 0,
                start: 0,
                end: 1 + self.draws.below(length - 1) as u32,
                verdict: Verdict::Contradicted,
            });
        }
        request
    }

    fn submit(&mut self, key: &str, request: &RatingRequest) {
        self.work.ledger.will_send(key);
        let verdict = submit(&self.client, &mut self.draws, self.work, key, request);
        match verdict {
            Verdicted::Saved(saved) => self.saved(key, request, &saved),
            Verdicted::Conflict(kept) => self.work.ledger.note_wrong(format!(
                "{key} is refused, and nobody else has it: {request:?} beside {kept:?}"
            )),
        }
    }

    fn saved(&mut self, key: &str, request: &RatingRequest, saved: &RatingSaved) {
        let same = saved.key == key
            && saved.assignment == request.assignment
            && saved.revision == request.revision;
        if !same {
            self.work
                .ledger
                .note_wrong(format!("{key} {request:?} is answered by {saved:?}"));
        }
        let acknowledged = Acknowledged {
            key: key.into(),
            annotator: self.number,
            saved_ms: saved.saved_ms,
            said: request.clone(),
        };
        self.work.ledger.acknowledge(&acknowledged);
        self.own.push(acknowledged);
    }

    /// Sends one word twice at once.
    fn double_click(&mut self, request: RatingRequest) {
        count(&self.work.counts.double_clicks);
        let key = self.draws.uuid();
        self.work.ledger.will_send(&key);
        let verdicts = self.at_once([(&key, &request), (&key, &request)]);
        let mut saved = Vec::new();
        for verdict in verdicts {
            match verdict {
                Verdicted::Saved(one) => saved.push(one),
                Verdicted::Conflict(kept) => self.work.ledger.note_wrong(format!(
                    "a double click of {key} {request:?} was refused for {kept:?}"
                )),
            }
        }
        if saved.iter().filter(|one| one.fresh).count() > 1 {
            self.work
                .ledger
                .note_wrong(format!("{key} was saved afresh twice: {saved:?}"));
        }
        for one in &saved {
            self.saved(&key, &request, one);
        }
    }

    /// Says two different things of one item in two tabs at once: one is kept, the other told so.
    fn in_two_tabs(&mut self, item: &WorkItem, request: RatingRequest) {
        count(&self.work.counts.two_tabs);
        let other = self.words(item);
        let keys = [self.draws.uuid(), self.draws.uuid()];
        for key in &keys {
            self.work.ledger.will_send(key);
        }
        let said = [&request, &other];
        let verdicts = self.at_once([(&keys[0], said[0]), (&keys[1], said[1])]);
        match verdicts {
            [Verdicted::Saved(saved), Verdicted::Conflict(kept)] => {
                self.only_one(&keys[0], said[0], &saved, kept);
            }
            [Verdicted::Conflict(kept), Verdicted::Saved(saved)] => {
                self.only_one(&keys[1], said[1], &saved, kept);
            }
            [Verdicted::Saved(_), Verdicted::Saved(_)] => self
                .work
                .ledger
                .note_wrong(format!("both tabs were told that they are saved: {said:?}")),
            [Verdicted::Conflict(_), Verdicted::Conflict(_)] => self
                .work
                .ledger
                .note_wrong(format!("neither tab was saved: {said:?}")),
        }
    }

    fn only_one(
        &mut self,
        key: &str,
        request: &RatingRequest,
        saved: &RatingSaved,
        told: Option<RatingRequest>,
    ) {
        if told.as_ref() != Some(request) {
            self.work.ledger.note_wrong(format!(
                "the other tab was told that {told:?} is kept, where {request:?} is"
            ));
        }
        self.saved(key, request, saved);
    }

    fn at_once(&mut self, both: [(&String, &RatingRequest); 2]) -> [Verdicted; 2] {
        let seeds = [self.draws.bits(), self.draws.bits()];
        let work = self.work;
        std::thread::scope(|scope| {
            let threads = [0, 1].map(|index| {
                let (key, request) = both[index];
                let (tab, seed) = (self.client.tab(), seeds[index]);
                scope.spawn(move || submit(&tab, &mut Draws::new(seed, 1), work, key, request))
            });
            threads.map(|thread| thread.join().unwrap())
        })
    }

    /// The connection is cut before the answer has come; the word is sent again by the same key.
    fn cut_off(&mut self, request: RatingRequest) {
        count(&self.work.counts.cuts);
        let key = self.draws.uuid();
        self.work.ledger.will_send(&key);
        let cut = [Cut::Halfway, Cut::Unheard][self.draws.below(2)];
        let body = serde_json::to_value(&request).unwrap();
        self.client
            .put_cut(&self.path(&format!("ratings/{key}")), &body, cut);
        self.submit(&key, &request);
    }

    /// An old request comes again, as it was or altered.
    fn replay(&mut self) {
        if self.own.is_empty() {
            return;
        }
        count(&self.work.counts.replays);
        let old = self.own[self.draws.below(self.own.len())].clone();
        match submit(
            &self.client,
            &mut self.draws,
            self.work,
            &old.key,
            &old.said,
        ) {
            Verdicted::Saved(again) if !again.fresh && again.saved_ms == old.saved_ms => {}
            Verdicted::Saved(again) => self
                .work
                .ledger
                .note_wrong(format!("a replay of {old:?} was answered by {again:?}")),
            Verdicted::Conflict(kept) => self
                .work
                .ledger
                .note_wrong(format!("a replay of {old:?} was refused for {kept:?}")),
        }
        let altered = RatingRequest {
            note: format!("{} altered", old.said.note),
            ..old.said.clone()
        };
        if let Verdicted::Saved(again) =
            submit(&self.client, &mut self.draws, self.work, &old.key, &altered)
        {
            self.work.ledger.note_wrong(format!(
                "{} was taken with other words than before: {again:?}",
                old.key
            ));
        }
    }

    /// Another word on one of the last items.
    fn correct(&mut self) {
        let path = self.path("last?n=10");
        let (reply, _) = self.persist(|client| client.get(&path));
        let mut last: Vec<WorkItem> = serde_json::from_value(reply.ok()).unwrap();
        last.retain(|item| !item.training && item.revisions > 0);
        if last.is_empty() {
            return;
        }
        count(&self.work.counts.corrections);
        let item = last.swap_remove(self.draws.below(last.len()));
        if let Some(said) = &item.said
            && said.revision != item.revisions
        {
            self.work.ledger.note_wrong(format!(
                "the last word shown is of revision {}, of {} kept",
                said.revision, item.revisions
            ));
        }
        let request = self.words(&item);
        let key = self.draws.uuid();
        self.submit(&key, &request);
    }

    fn correct_instead(&mut self, is_last_part: bool) {
        if !is_last_part && self.draws.chance(0.3) {
            self.correct();
        }
        sleep(Duration::from_millis(50 + self.draws.below(200) as u64));
    }

    /// Gives back what is held; asking for items ends it.
    fn pause(&mut self) {
        let path = self.path("pause");
        self.ask("POST", &path, &json!({"paused": true}));
        sleep(Duration::from_millis(self.draws.below(100) as u64));
    }
}

fn wait_for_the_end_of(items: &[WorkItem]) {
    let end = items.iter().map(|item| item.lease_ends_ms).max();
    let wait = end.unwrap_or(0) + AWAY_AFTER_LEASE_MS - now_ms();
    sleep(Duration::from_millis(wait.max(0) as u64));
}

fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as i64)
}

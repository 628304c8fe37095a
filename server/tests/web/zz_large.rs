use crate::annotators_small::server;
use crate::simulated::cluster::Cluster;
use crate::simulated::round::{Plan, round};
use crate::simulated::served::Served;
use crate::simulated::work::Habits;

#[test]
#[ignore = "by hand"]
fn large() {
    let kills: usize = std::env::var("SAYSELF_KILLS").map_or(20, |k| k.parse().unwrap());
    let walkers: usize = std::env::var("WALKERS").map_or(5, |k| k.parse().unwrap());
    let pg = std::env::var_os("PG").is_some();
    let cluster = pg.then(|| Cluster::find().unwrap());
    let folder = crate::served::folder();
    let runs = folder.path().join("runs");
    let database = match &cluster {
        Some(cluster) => cluster.new_database(),
        None => folder.path().join("r.db").to_str().unwrap().to_owned(),
    };
    let mut served = Served::new(server, &runs, &database, &folder.path().join("log"));
    let plan = Plan {
        annotators: 50,
        walkers,
        items: 120,
        overlap: 12,
        kills,
        lives_ms: 1_200,
        seed: 1,
        habits: Habits::TROUBLED,
    };
    let outcome = round(&mut served, &runs, folder.path(), &plan);
    println!("{outcome}");
    if !outcome.is_clean() {
        println!("{}", served.told());
    }
    outcome.assert_clean();
}

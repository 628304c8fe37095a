//! Work shared among threads.

/// `task` of each of `0..tasks`, in that order, on as many threads as there are.
pub(crate) fn map<T: Send>(tasks: usize, task: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let threads = threads().min(tasks);
    if threads < 2 {
        return (0..tasks).map(task).collect();
    }
    let task = &task;
    let mut parts: Vec<Vec<T>> = std::thread::scope(|scope| {
        // Tasks are alike, so that dealing them out in turn is fair.
        let workers: Vec<_> = (0..threads)
            .map(|worker| scope.spawn(move || (worker..tasks).step_by(threads).map(task).collect()))
            .collect();
        workers
            .into_iter()
            .map(|worker| match worker.join() {
                Ok(results) => results,
                Err(panic) => std::panic::resume_unwind(panic),
            })
            .collect()
    });
    let mut parts: Vec<_> = parts.iter_mut().map(|part| part.drain(..)).collect();
    (0..tasks)
        .filter_map(|task| parts[task % threads].next())
        .collect()
}

fn threads() -> usize {
    if cfg!(target_family = "wasm") {
        return 1;
    }
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    #[test]
    fn results_come_in_order() {
        for tasks in [0, 1, 2, 7] {
            let squares: Vec<usize> = (0..tasks).map(|at| at * at).collect();
            assert_eq!(super::map(tasks, |at| at * at), squares);
        }
    }
}

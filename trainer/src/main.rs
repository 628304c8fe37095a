//! `sayself`: see the library's [`sayself::cli`].

fn main() -> std::process::ExitCode {
    sayself::cli::main()
}

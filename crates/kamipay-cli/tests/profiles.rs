//! Stored base URLs and credentials.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use kamipay_sandbox::Sandbox;

use crate::support::{Run, documented, in_may, kamipay, nobody, run, server};

const TOKEN: &str = "t0ken-which-nobody-may-see";

/// A folder for the configuration of one test.
struct Home(PathBuf);

impl Home {
    fn new(name: &str) -> Self {
        let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("profiles").join(name);
        let _ = fs::remove_dir_all(&home);
        fs::create_dir_all(home.parent().unwrap()).unwrap();
        Self(home)
    }

    fn kamipay(&self, args: &[&str]) -> Command {
        let mut command = kamipay(args);
        command.env("KAMIPAY_CONFIG_DIR", &self.0).stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Run {
        run(&mut self.kamipay(args))
    }

    /// Logs in as the sandbox's merchant, at this base URL.
    fn log_in(&self, url: &str, args: &[&str]) -> Run {
        let sandbox = Sandbox::documented();
        let args = [&["login", "--base-url", url], args].concat();
        let mut command = self.kamipay(&args);
        command.env("KAMIPAY_USERNAME", sandbox.username());
        run(command.env("KAMIPAY_PASSWORD", sandbox.password()))
    }

    fn file(&self, profile: &str) -> PathBuf {
        self.0.join(format!("profiles/{profile}.json"))
    }

    /// Writes a profile as the program does.
    fn store(&self, profile: &str, base_url: &str, token: &str) {
        let folder = self.0.join("profiles");
        fs::create_dir_all(&folder).unwrap();
        let stored = format!(r#"{{"version":1,"base_url":"{base_url}","token":"{token}"}}"#);
        fs::write(self.file(profile), stored).unwrap();
        #[cfg(unix)]
        {
            mode(&self.0, 0o755);
            mode(&folder, 0o700);
            mode(&self.file(profile), 0o600);
        }
    }

    fn names(&self) -> Vec<String> {
        let files = fs::read_dir(self.0.join("profiles")).into_iter().flatten();
        let mut names: Vec<String> =
            files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn with_input(command: &mut Command, input: &str) -> Run {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    Run {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

#[cfg(unix)]
fn mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(unix)]
fn mode_of(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn who_logged_in_needs_no_variables() {
    let (server, home) = (documented(), Home::new("login"));
    let url = server.base_url();
    let login = home.log_in(url, &[]);
    assert_eq!((login.code, login.out.as_str()), (0, ""), "{}", login.err);
    assert!(login.err.starts_with(&format!("logged in to {url} as ")), "{}", login.err);
    assert!(login.err.contains("KAMIPAY_USERNAME, KAMIPAY_PASSWORD is set"), "{}", login.err);
    assert_eq!(server.requests().len(), 1, "a login alone");
    assert_eq!(home.names(), ["default.json"]);
    assert_eq!(home.run(&in_may(&["lots", "list"])).good().lines().count(), 2);

    let who = home.run(&["whoami", "--output", "json"]).good();
    let password = Sandbox::documented().password().to_owned();
    assert!(!who.contains(&password) && !login.err.contains(&password), "{who}");
    for part in [
        r#""base_url_from": "the profile default""#,
        r#""credentials": "login""#,
        r#""credentials_from": "the profile default""#,
        r#""expires_at": null"#,
        Sandbox::documented().username(),
    ] {
        assert!(who.contains(part), "{who}");
    }

    let logout = home.run(&["logout"]);
    assert_eq!((logout.code, home.names()), (0, vec![]), "{}", logout.err);
    let after = home.run(&in_may(&["lots", "list"]));
    assert_eq!(after.code, 2);
    assert!(after.err.contains("kamipay login"), "{}", after.err);
    let again = home.run(&["logout"]);
    assert_eq!(again.code, 2, "{}", again.err);
}

#[test]
fn a_token_comes_from_standard_input_and_is_tried() {
    let (server, home) = (documented(), Home::new("with-token"));
    let (url, sandbox) = (server.base_url(), Sandbox::documented());
    let login = ["login", "--base-url", url, "--profile", "sandbox", "--with-token"];
    for end in ["", "\n", "\r\n"] {
        let token = format!("{}{end}", sandbox.token());
        let login = with_input(&mut home.kamipay(&login), &token);
        assert_eq!(login.code, 0, "{}", login.err);
        assert!(!login.err.contains(sandbox.token()), "{}", login.err);
    }
    assert_eq!(home.names(), ["sandbox.json"]);
    let list = in_may(&["lots", "list", "--profile", "sandbox"]);
    assert_eq!(home.run(&list).good().lines().count(), 2);
    let mut by_variable = home.kamipay(&in_may(&["lots", "list"]));
    assert_eq!(run(by_variable.env("KAMIPAY_PROFILE", "sandbox")).good().lines().count(), 2);

    // Without its base URL, the profile's own. What is wrong is not stored.
    let before = fs::read(home.file("sandbox")).unwrap();
    let again = ["login", "--profile", "sandbox", "--with-token"];
    let wrong = with_input(&mut home.kamipay(&again), "another");
    assert_eq!(wrong.code, 4, "{}", wrong.err);
    for nonsense in ["", "\n", "two words", &"x".repeat(20_000)] {
        let nonsense = with_input(&mut home.kamipay(&again), nonsense);
        assert_eq!(nonsense.code, 2, "{}", nonsense.err);
    }
    assert_eq!(fs::read(home.file("sandbox")).unwrap(), before);
}

#[test]
fn nothing_is_stored_that_was_not_accepted() {
    let home = Home::new("refused");
    let url = server(|_, _| (400, r#"{"detail": "Incorrect username or password"}"#.to_owned()));
    let refused = home.log_in(&url, &[]);
    assert_eq!(refused.code, 4, "{}", refused.err);
    assert!(refused.err.contains("check the user name and the password"), "{}", refused.err);
    let offline = home.log_in(&nobody(), &["--max-attempts", "1"]);
    assert_eq!(offline.code, 5, "{}", offline.err);
    let missing = home.run(&["login", "--base-url", &url]);
    assert_eq!(missing.code, 2, "{}", missing.err);
    assert!(missing.err.contains("--with-token"), "{}", missing.err);
    let missing = home.run(&["login", "--with-token"]);
    assert_eq!(missing.code, 2, "{}", missing.err);
    let missing = home.run(&["login", "--base-url", &url, "--username", "me"]);
    assert_eq!(missing.code, 2, "{}", missing.err);
    assert!(!home.0.exists(), "not even the folder");

    // A token that may do other things is a good one.
    let forbidden = server(|_, _| (403, r#"{"detail": "Forbidden"}"#.to_owned()));
    let login = ["login", "--base-url", &forbidden, "--with-token"];
    let login = with_input(&mut home.kamipay(&login), TOKEN);
    assert_eq!((login.code, home.names().len()), (0, 1), "{}", login.err);
    assert!(login.err.contains("does not allow this account to list lots"), "{}", login.err);
}

#[test]
fn a_stored_secret_is_sent_to_its_own_base_url_alone() {
    let (server, home) = (documented(), Home::new("elsewhere"));
    let url = server.base_url();
    home.store("default", "https://api.kamipay.io", TOKEN);
    home.store("other", "https://api.example.com/v9", TOKEN);
    let list = in_may(&["lots", "list"]);
    for profile in ["", "default", "other"] {
        for given in ["variable", "flag"] {
            let mut command = home.kamipay(&list);
            command.env("KAMIPAY_PROFILE", profile);
            match given {
                "flag" => command.args(["--base-url", url]),
                _ => command.env("KAMIPAY_BASE_URL", url),
            };
            let run = run(&mut command);
            assert_eq!((run.code, run.out.as_str()), (2, ""), "{}", run.err);
            assert!(run.err.contains(&format!("are not sent to {url}")), "{}", run.err);
            assert!(!run.err.contains(TOKEN), "{}", run.err);
        }
    }
    // A part of a URL is another URL.
    for near in ["https://api.kamipay.io/v9", "https://api.kamipay.io:444", "https://kamipay.io"] {
        let run = home.run(&[&list[..], &["--base-url", near]].concat());
        assert_eq!(run.code, 2, "{}", run.err);
    }
    assert!(server.requests().is_empty());

    // The same one, and a secret of one's own, are used.
    home.store("default", url, Sandbox::documented().token());
    let same = format!("{}/", url.replace("http", "HTTP"));
    home.run(&[&list[..], &["--base-url", &same]].concat()).good();
    let own = Sandbox::documented().token().to_owned();
    let own = ["--profile", "other", "--base-url", url, "--token", &own];
    home.run(&[&list[..], &own].concat()).good();
}

#[test]
fn flags_and_variables_come_before_the_profile() {
    let (server, home) = (documented(), Home::new("before"));
    let list = in_may(&["lots", "list"]);
    home.store("default", server.base_url(), TOKEN);
    assert_eq!(home.run(&list).code, 4);
    let token = Sandbox::documented().token().to_owned();
    run(home.kamipay(&list).env("KAMIPAY_TOKEN", &token)).good();
    home.run(&[&list[..], &["--token", &token]].concat()).good();

    // What is not needed is not read.
    fs::write(home.file("default"), "nonsense").unwrap();
    let mut both = home.kamipay(&list);
    run(both.env("KAMIPAY_TOKEN", &token).env("KAMIPAY_BASE_URL", server.base_url())).good();
    let asked_for = run(both.env("KAMIPAY_PROFILE", "default"));
    assert_eq!(asked_for.code, 2);
    assert!(asked_for.err.contains("it is damaged"), "{}", asked_for.err);
    assert!(!asked_for.err.contains("nonsense"), "{}", asked_for.err);
}

#[test]
fn a_profile_that_is_named_has_to_be_there() {
    let home = Home::new("missing");
    let missing = home.run(&in_may(&["lots", "list", "--profile", "prod"]));
    assert_eq!(missing.code, 2);
    assert!(missing.err.contains("to make it: kamipay login --profile prod"), "{}", missing.err);
    for name in ["../default", "a/b", ".x", "-", "a b"] {
        for command in [&in_may(&["lots", "list"])[..], &["whoami"], &["login"], &["logout"]] {
            let flag = format!("--profile={name}");
            let run = home.run(&[command, &[&flag]].concat());
            assert_eq!(run.code, 2, "{}", run.err);
            assert!(run.err.contains("a name is 1 to 64 letters"), "{}", run.err);
        }
    }
}

#[cfg(unix)]
#[test]
fn a_profile_is_for_its_owner_s_eyes_and_follows_no_link() {
    use std::os::unix::fs::symlink;

    let (server, home) = (documented(), Home::new("eyes"));
    let url = server.base_url();
    let (folder, file) = (home.0.join("profiles"), home.file("default"));
    assert_eq!(home.log_in(url, &[]).code, 0);
    assert_eq!([&home.0, &folder, &file].map(|path| mode_of(path)), [0o700, 0o700, 0o600]);
    let list = in_may(&["lots", "list"]);
    home.run(&list).good();

    // Others can read or change the file, or put another one in its place.
    for (path, bad, good) in [
        (&file, 0o640, 0o600),
        (&file, 0o604, 0o600),
        (&file, 0o620, 0o600),
        (&folder, 0o750, 0o700),
        (&folder, 0o702, 0o700),
        (&home.0, 0o770, 0o755),
    ] {
        mode(path, bad);
        let refused = home.run(&list);
        let cure = format!("tip: chmod {}00 {}", if path == &file { 6 } else { 7 }, path.display());
        assert_eq!(refused.code, 2, "{}", refused.err);
        assert!(refused.err.contains(&cure), "{}", refused.err);
        mode(path, good);
        home.run(&list).good();
    }

    // A link in place of the file is replaced, and what it leads to stays.
    let other = home.0.join("other");
    fs::write(&other, "mine").unwrap();
    fs::remove_file(&file).unwrap();
    symlink(&other, &file).unwrap();
    let refused = home.run(&list);
    assert_eq!(refused.code, 2, "{}", refused.err);
    assert!(refused.err.contains("it is a symbolic link"), "{}", refused.err);
    assert_eq!(home.log_in(url, &[]).code, 0);
    assert!(!fs::symlink_metadata(&file).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(&other).unwrap(), "mine");
    assert_eq!(home.names(), ["default.json"]);

    // A link in place of the folder is refused.
    let elsewhere = home.0.join("elsewhere");
    fs::rename(&folder, &elsewhere).unwrap();
    symlink(&elsewhere, &folder).unwrap();
    for refused in [home.run(&list), home.log_in(url, &[])] {
        assert_eq!(refused.code, 2, "{}", refused.err);
        assert!(refused.err.contains("is a symbolic link"), "{}", refused.err);
    }
    fs::remove_file(&folder).unwrap();

    // Something else than a file is not waited for.
    fs::rename(&elsewhere, &folder).unwrap();
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    let refused = home.run(&list);
    assert!(refused.err.contains("it is not a file"), "{}", refused.err);
}

#[cfg(unix)]
#[test]
fn a_folder_that_others_can_change_gets_no_secret() {
    let (server, home) = (documented(), Home::new("open"));
    let folder = home.0.join("profiles");
    fs::create_dir_all(&folder).unwrap();
    mode(&folder, 0o777);
    let refused = home.log_in(server.base_url(), &[]);
    assert_eq!(refused.code, 2, "{}", refused.err);
    assert!(refused.err.contains("tip: chmod 700"), "{}", refused.err);
    assert_eq!(home.names(), Vec::<String>::new());
}

#[test]
fn the_folder_is_the_platform_s() {
    let (server, home) = (documented(), Home::new("platform"));
    let path = home.0.to_str().unwrap();
    let (url, sandbox) = (server.base_url(), Sandbox::documented());
    let login = |variables: &[(&str, &str)]| {
        let mut command = kamipay(&["login", "--base-url", url]);
        command.env("KAMIPAY_USERNAME", sandbox.username());
        command.env("KAMIPAY_PASSWORD", sandbox.password()).stdin(Stdio::null());
        let run = run(command.envs(variables.iter().copied()));
        (run.code, run.err)
    };
    assert_eq!(login(&[("HOME", "relative")]).0, 2, "no folder");
    if cfg!(all(unix, not(target_os = "macos"))) {
        assert_eq!(login(&[("HOME", path), ("XDG_CONFIG_HOME", "relative")]).0, 0);
        assert!(home.0.join(".config/kamipay/profiles/default.json").exists());
        assert_eq!(login(&[("HOME", path), ("XDG_CONFIG_HOME", &format!("{path}/xdg"))]).0, 0);
        assert!(home.0.join("xdg/kamipay/profiles/default.json").exists());
    }
    let own = format!("{path}/own");
    assert_eq!(login(&[("HOME", path), ("KAMIPAY_CONFIG_DIR", &own)]).0, 0);
    assert!(home.0.join("own/profiles/default.json").exists());
}

#[test]
fn a_token_file_is_as_good_as_a_token() {
    let (server, home) = (documented(), Home::new("token-file"));
    let sandbox = Sandbox::documented();
    fs::create_dir_all(&home.0).unwrap();
    let file = home.0.join("token");
    fs::write(&file, format!("{}\n", sandbox.token())).unwrap();
    let file = file.to_str().unwrap();
    let list = in_may(&["lots", "list", "--base-url", server.base_url()]);
    home.run(&[&list[..], &["--token-file", file]].concat()).good();
    run(home.kamipay(&list).env("KAMIPAY_TOKEN_FILE", file)).good();
    let stdin = [&list[..], &["--token-file", "-"]].concat();
    let by_stdin = with_input(&mut home.kamipay(&stdin), sandbox.token());
    assert_eq!(by_stdin.good().lines().count(), 2);

    let sent = server.requests().len();
    let refused = |args: &[&str], word: &str| {
        let run = home.run(&[&list[..], args].concat());
        assert_eq!(run.code, 2, "{}", run.err);
        assert!(run.err.contains(word), "{}", run.err);
        assert!(!run.err.contains(TOKEN), "{}", run.err);
    };
    refused(&["--token-file", file, "--token", TOKEN], "are both given");
    refused(&["--token-file", file, "--username", "me"], "are both given");
    refused(&["--token-file", "/nowhere"], "--token-file /nowhere: it cannot be read");
    refused(&["--token-file", "-"], "a token is 1 to 16384");
    fs::write(file, format!("{TOKEN} {TOKEN}")).unwrap();
    refused(&["--token-file", file], "a token is 1 to 16384");
    let mut both = home.kamipay(&["scan", "run", "-", "--token-file", "-"]);
    let both = run(both.env("KAMIPAY_BASE_URL", server.base_url()));
    assert_eq!(both.code, 2);
    assert!(both.err.contains("cannot be both, the token and the parts"), "{}", both.err);
    assert_eq!(server.requests().len(), sent);
}

#[test]
fn whoami_says_where_each_value_comes_from() {
    let home = Home::new("whoami");
    // {"iat":1767225600,"exp":1893456000} and {"exp":1577836800}
    let good = format!("e30.eyJpYXQiOjE3NjcyMjU2MDAsImV4cCI6MTg5MzQ1NjAwMH0.{TOKEN}");
    let over = format!("e30.eyJleHAiOjE1Nzc4MzY4MDB9.{TOKEN}");
    home.store("default", "https://api.kamipay.io", &good);
    fs::write(home.0.join("token"), &over).unwrap();
    let file = home.0.join("token");
    let file = file.to_str().unwrap();
    let base = ("KAMIPAY_BASE_URL", "https://api.example.com");
    let mut screens = Vec::new();
    let mut who = |variables: &[(&str, &str)], args: &[&str]| {
        let args = [&["whoami", "--output", "table"], args].concat();
        let run = run(home.kamipay(&args).envs(variables.iter().copied()));
        let text = format!("{}{}", run.out, run.err).replace(home.0.to_str().unwrap(), "");
        assert!(!text.contains(TOKEN) && !text.contains("pa55"), "{text}");
        let variables = variables.iter().map(|(name, _)| format!("{name}=… "));
        let args = args.join(" ").replace(home.0.to_str().unwrap(), "");
        screens.push(format!("$ {}kamipay {args}\n{text}", variables.collect::<String>()));
    };
    who(&[], &[]);
    who(&[("KAMIPAY_TOKEN", TOKEN)], &[]);
    who(&[base, ("KAMIPAY_TOKEN", "")], &["--token-file", file]);
    who(&[base, ("KAMIPAY_PASSWORD", "pa55")], &["--username", "me"]);
    who(&[base], &[]);
    who(&[], &["--profile", "prod"]);
    insta::assert_snapshot!(screens.join("\n"));
    for format in ["json", "ndjson", "csv"] {
        let who = home.run(&["whoami", "--output", format]).good();
        assert!(who.contains("2030-01-01T00:00:00Z") && !who.contains(TOKEN), "{who}");
    }
}

/// A shell that does not repair the terminal by itself would show nothing more.
#[cfg(unix)]
#[test]
fn ctrl_c_in_place_of_a_secret_leaves_the_terminal_as_it_was() {
    let home = Home::new("interrupted");
    let script = r#"
        set timeout 20
        set stty_init "echo icanon isig"
        spawn -noecho sh -c "$env(PROGRAM) login --base-url $env(URL) --username me; echo code $?; stty -a"
        expect "(not shown)"
        while {![regexp -- {-echo\y} [exec stty -a < $spawn_out(slave,name)]]} {}
        send "pa55\003"
        expect eof"#
        .replace("$?", "\\$?");
    let mut expect = Command::new("expect");
    expect.args(["-c", &script]).env("KAMIPAY_CONFIG_DIR", &home.0).env("URL", nobody());
    expect.env("NO_COLOR", "1");
    let Ok(output) = expect.env("PROGRAM", env!("CARGO_BIN_EXE_kamipay")).output() else {
        eprintln!("skipped: expect is not installed");
        return;
    };
    let screen = String::from_utf8(output.stdout).unwrap();
    assert!(screen.contains("stopped by Ctrl-C") && screen.contains("code 130"), "{screen}");
    let words: Vec<&str> = screen.split_whitespace().collect();
    for flag in ["echo", "icanon", "isig"] {
        assert!(words.contains(&flag), "{screen}");
    }
    assert!(!home.0.exists());
}

/// At a terminal, with `expect` in a person's place.
#[cfg(unix)]
#[test]
fn a_secret_that_is_typed_is_not_shown() {
    let (server, home) = (documented(), Home::new("typed"));
    let (url, sandbox) = (server.base_url(), Sandbox::documented());
    let script = r#"
        set timeout 20
        spawn -noecho $env(PROGRAM) login
        expect "Base URL" { send "$env(URL)\r" }
        expect "User name" { send "$env(NAME)\r" }
        expect "(not shown)"
        while {![regexp -- {-echo\y} [exec stty -a < $spawn_out(slave,name)]]} {}
        send "$env(SECRET)\r"
        expect eof
        exit [lindex [wait] 3]"#;
    let log_in = |name: &str, secret: &str| {
        let mut expect = Command::new("expect");
        expect.args(["-c", script]).env("KAMIPAY_CONFIG_DIR", &home.0).env("URL", url);
        expect.env("PROGRAM", env!("CARGO_BIN_EXE_kamipay"));
        expect.env("NAME", name).env("SECRET", secret).stdin(Stdio::null());
        let Ok(output) = expect.output() else {
            eprintln!("skipped: expect is not installed");
            return None;
        };
        let screen = String::from_utf8(output.stdout).unwrap();
        assert!(!screen.contains(secret), "{screen}");
        assert_eq!(output.status.code(), Some(0), "{screen}");
        Some(screen)
    };
    for (name, secret, who) in [
        (sandbox.username(), sandbox.password(), format!("as {}", sandbox.username())),
        ("", sandbox.token(), "with a token".to_owned()),
    ] {
        let Some(screen) = log_in(name, secret) else { return };
        assert!(screen.contains(&format!("logged in to {url} {who}")), "{screen}");
        assert!(fs::read_to_string(home.file("default")).unwrap().contains(secret));
        home.run(&in_may(&["lots", "list"])).good();
    }
}

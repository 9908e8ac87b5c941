//! `kamipay completions`

use clap::{Args, CommandFactory as _, ValueEnum};
use clap_complete::Shell;

use crate::args::Cli;
use crate::exit::{Exit, Failure};
use crate::output::Lines;

/// Print a script that completes this program's commands and flags in a shell
///
/// bash: put it where the package bash-completion looks, or source it in ~/.bashrc. zsh: put it as
/// `_kamipay` into a folder of `fpath`, before `compinit` runs.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kamipay completions bash > ~/.local/share/bash-completion/completions/kamipay
  kamipay completions zsh > ~/.zfunc/_kamipay
  kamipay completions fish > ~/.config/fish/completions/kamipay.fish
  kamipay completions powershell >> $PROFILE")]
pub(crate) struct Completions {
    /// The shell that reads the script
    #[arg(value_name = "SHELL", value_enum)]
    shell: For,
}

#[derive(Clone, Copy, ValueEnum)]
enum For {
    Bash,
    Zsh,
    Fish,
    #[value(name = "powershell")]
    PowerShell,
}

impl Completions {
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        let shell = match self.shell {
            For::Bash => Shell::Bash,
            For::Zsh => Shell::Zsh,
            For::Fish => Shell::Fish,
            For::PowerShell => Shell::PowerShell,
        };
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "kamipay", &mut script);
        let mut lines = Lines::new();
        String::from_utf8_lossy(&script)
            .split_inclusive('\n')
            .try_for_each(|line| lines.line(line))?;
        lines.flush()?;
        Ok(Exit::Done)
    }
}

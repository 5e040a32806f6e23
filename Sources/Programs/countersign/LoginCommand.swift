import ArgumentParser
import Glibc
import Kernel
import Showcase

/// `countersign login`: signs in and keeps the token.
struct LoginCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "login", abstract: "Sign in at a server and keep the session for later commands.",
        discussion: """
            The password is asked for without showing it,
                or read as one line from standard input. The session ends after fifteen idle
            minutes; programs use an API key instead (--token-file or COUNTERSIGN_TOKEN).
            Exit codes: 0 signed in; 2 not.
            """)

    @Option(help: "Address of the server; COUNTERSIGN_SERVER unless given.")
    var server: String?

    @Option(help: "Your e-mail address.")
    var email: String

    func run() async throws {
        guard let address = server ?? Terminal.environment("COUNTERSIGN_SERVER") else {
            throw Refusal(
                .invalid, reason: "server.none", "No server is named.",
                facts: ["remedy": "Give --server https://…, or set COUNTERSIGN_SERVER."])
        }
        guard let password = SecretLine.read("Password: "), !password.isEmpty else {
            throw Refusal(.invalid, reason: "login.password", "No password was given.")
        }
        let opened = try await ServerAPI(address).signIn(email: email, password: password)
        let file = try KeptLogin.write(address: address, token: opened.token)
        Terminal.print("Signed in as \(opened.name). The session is kept in \(file).")
    }
}

/// A line that is not shown while it is typed.
enum SecretLine {
    static func read(_ prompt: String) -> String? {
        guard isatty(STDIN_FILENO) == 1 else { return readLine() }
        Terminal.prompt(prompt)
        var before = termios()
        tcgetattr(STDIN_FILENO, &before)
        var quiet = before
        quiet.c_lflag &= ~tcflag_t(ECHO)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet)
        defer {
            tcsetattr(STDIN_FILENO, TCSAFLUSH, &before)
            Terminal.complain("")
        }
        return readLine()
    }
}

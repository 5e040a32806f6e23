import ArgumentParser
import Curl
import Glibc
import Kernel
import Showcase

/// `countersign login`: signs in and keeps the token.
struct LoginCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "login", abstract: "Sign in at a server and keep the session for later commands.",
        discussion: """
            The password, and the code where there is a second factor, are asked for without showing them, or read as lines
            from standard input. The session ends after fifteen idle minutes; programs use an API key instead (--token-file or
            COUNTERSIGN_TOKEN).
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
        let api = ServerAPI(address)
        var opened = try await api.signIn(email: email, password: password)
        if opened.isPending {
            guard let code = SecretLine.read("Code of your authenticator app, or a recovery code: "), !code.isEmpty else {
                throw Refusal(.invalid, reason: "login.code", "No code was given.")
            }
            opened = try await api.finish(opened, code: code)
        }
        let file = try KeptLogin.write(address: address, token: opened.token)
        Terminal.print("Signed in as \(opened.name). The session is kept in \(file).")
    }
}

/// `countersign prove`: a fresh proof in the kept session.
struct ProveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prove", abstract: "Prove that it is you, for acts that ask for a proof of the last minutes.",
        discussion: """
            Asks for the code of your second factor, or for your password where you have none, without showing it, or reads it as
            one line from standard input. The kept session goes on under a new token.
            Exit codes: 0 proved; 1 refused; 2 no answer.
            """)

    @OptionGroup var server: ServerOptions

    func run() async throws {
        let place = try ServerPlace(address: server.server, tokenFile: server.tokenFile)
        let hasFactor = try await place.api.get("/api/v1/me/second-factor")["confirmedAt"]?.string != nil
        guard let line = SecretLine.read(hasFactor ? "Code: " : "Password: "), !line.isEmpty else {
            throw Refusal(.invalid, reason: "login.proof", "Nothing was given.")
        }
        let answer = try await place.api.send(
            .post, "/api/v1/me/proof", [hasFactor ? "code" : "password": .string(line)], key: nil)
        let file = try KeptLogin.write(address: place.address, token: answer["token"]?.string ?? "")
        Terminal.print("Proved. The session goes on in \(file).")
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

import ArgumentParser
import Glibc
import Kernel
import Logging
import WebKernel

/// A small ERP with a bad temper, for demonstrations and tests.
@main
struct ErpSandbox: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "erp-sandbox", abstract: "A small ERP of our own, with faults on demand. It listens on 127.0.0.1 only.")

    @Option(help: "Port on 127.0.0.1; 0 takes any free one.")
    var port = 7411

    @Option(help: "Bearer token that callers of /api have to send.")
    var token = "sandbox"

    @Option(help: "JSON file with suppliers, orders and receipts to start with.")
    var data: String?

    @Option(help: "File that keeps the bills over restarts.")
    var journal: String?

    @Option(help: "Seed of the faults.")
    var seed: UInt64 = 1

    @Option(help: "File that receives the port once the sandbox listens.")
    var portFile: String?

    func run() async throws {
        let books = try Books(journal: journal.map { Journal(path: $0) })
        if let data {
            guard let bytes = try FileLines.bytes(data) else { throw ValidationError("There is no file \(data).") }
            _ = try await books.add(try JSONValue(parsing: bytes))
        }
        let routes = SandboxRoutes(books: books, dice: FaultDice(seed: seed), token: token)
        var server = WebServer(
            table: RouteTable(routes.all), address: .tcp(host: "127.0.0.1", port: port), logger: Logger(label: "erp-sandbox"))
        let portFile = portFile
        server.onListening = { port in
            // A line that waits in a buffer helps nobody who reads the log of a running sandbox.
            print("erp-sandbox listens on http://127.0.0.1:\(port)")
            fflush(nil)
            // The file only helps whoever started us; without it the line above says the same.
            if let portFile { try? FileLines.append(Array("\(port)\n".utf8), to: portFile) }
        }
        try await server.run()
    }
}

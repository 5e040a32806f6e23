internal import Glibc
internal import Kernel

/// A PostgreSQL server package on this machine.
struct InstalledServer: Sendable, Equatable {
    /// The directory of `postgres` and `initdb`.
    let binaries: String
    let version: ServerVersion

    private static let versionLimitMilliseconds = 10_000

    /// The newest one we may use, or the newest of `major`; a refusal that says what to install when there is none.
    static func find(in directories: [String], major: Int?, reactor: Reactor) async throws -> InstalledServer {
        var found: [InstalledServer] = []
        for directory in directories where access(directory + "/postgres", X_OK) == 0 && access(directory + "/initdb", X_OK) == 0
        {
            let run = try await ToolRun.run(
                directory + "/postgres", ["--version"], as: nil, limitMilliseconds: versionLimitMilliseconds, reactor: reactor)
            guard run.status.code == 0, let version = ServerVersion(programOutput: run.output) else { continue }
            found.append(InstalledServer(binaries: directory, version: version))
        }
        if let major {
            guard let match = found.filter({ $0.version.major == major }).max(by: { $0.version < $1.version }) else {
                throw Refusal(
                    .unavailable, reason: "postgres.major",
                    "The data directory belongs to PostgreSQL \(major), whose server is not installed. Install it with "
                        + "`apt-get install postgresql-\(major)`, or migrate the directory with pg_upgrade.",
                    facts: ["major": "\(major)"])
            }
            try match.version.permit()
            return match
        }
        guard let newest = found.max(by: { $0.version < $1.version }) else {
            throw Refusal(
                .unavailable, reason: "postgres.missing",
                "The PostgreSQL server is not installed. Install it with `apt-get install postgresql-15` (or a newer one), or "
                    + "set DATABASE_URL to a server you run.")
        }
        try newest.version.permit()
        return newest
    }

    /// Where distributions put the server, newest first by name, and then the search path.
    static func usualDirectories() -> [String] {
        var directories: [String] = []
        for (parent, prefix) in [("/usr/lib/postgresql", ""), ("/usr", "pgsql-")] {
            // A parent that cannot be listed holds no server.
            let names = (try? FileBytes.names(in: parent)) ?? []
            let majors = names.filter { $0.hasPrefix(prefix) }.compactMap { Int($0.dropFirst(prefix.count)) }
            directories += majors.sorted(by: >).map { "\(parent)/\(prefix)\($0)/bin" }
        }
        if let path = getenv("PATH") {
            directories += String(cString: path).split(separator: ":").map(String.init).filter { $0.hasPrefix("/") }
        }
        return directories
    }
}

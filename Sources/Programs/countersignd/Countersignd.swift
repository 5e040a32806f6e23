import ArgumentParser

/// The control plane's program.
@main
struct Countersignd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "countersignd", abstract: "The Countersign control plane.",
        discussion: """
            Without DATABASE_URL it keeps a private PostgreSQL in its data directory. With DATABASE_URL (and DATABASE_POOL_URL
            for a pooler) it is stateless and may run many times.

            Exit codes: 0 done, 1 refused or failed, 64 wrong usage.
            """,
        subcommands: [
            ServeCommand.self, MigrateCommand.self, ApplyCommand.self, PasswordCommand.self, LinkCommand.self, KeyCommand.self,
            SecretCommand.self,
            AuditKeyCommand.self, MaintenanceCommand.self,
        ],
        defaultSubcommand: ServeCommand.self)
}

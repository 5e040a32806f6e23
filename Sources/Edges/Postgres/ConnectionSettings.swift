/// How to reach one database and what its connections may take.
package struct ConnectionSettings: Sendable, Equatable {
    /// A libpq connection string or URI; may hold a password and is never logged.
    package var dsn: String
    /// False behind a pooler that moves transactions between server connections: statements are then sent unnamed, and session
    /// settings travel with each transaction.
    package var keepsSession: Bool
    package var applicationName: String
    package var connectTimeoutMilliseconds: Int
    /// The server ends a statement that takes longer; 0 is no limit.
    package var statementTimeoutMilliseconds: Int
    /// The server gives up waiting for a lock after this time.
    package var lockTimeoutMilliseconds: Int
    /// The server ends a transaction whose owner has gone silent.
    package var idleInTransactionMilliseconds: Int

    package init(
        dsn: String, keepsSession: Bool = true, applicationName: String = "countersign", connectTimeoutMilliseconds: Int = 5000,
        statementTimeoutMilliseconds: Int = 30_000, lockTimeoutMilliseconds: Int = 10_000,
        idleInTransactionMilliseconds: Int = 60_000
    ) {
        self.dsn = dsn
        self.keepsSession = keepsSession
        self.applicationName = applicationName
        self.connectTimeoutMilliseconds = connectTimeoutMilliseconds
        self.statementTimeoutMilliseconds = statementTimeoutMilliseconds
        self.lockTimeoutMilliseconds = lockTimeoutMilliseconds
        self.idleInTransactionMilliseconds = idleInTransactionMilliseconds
    }

    /// Keyword and value pairs for libpq. The last of a kind wins, so the connection string may set all but the encoding.
    var parameters: [(String, String)] {
        [
            ("fallback_application_name", applicationName), ("keepalives", "1"), ("keepalives_idle", "30"),
            ("keepalives_interval", "10"), ("keepalives_count", "3"), ("tcp_user_timeout", "30000"), ("dbname", dsn),
            ("client_encoding", "UTF8"),
        ]
    }

    /// Settings of a session of our own, as one script.
    var sessionScript: String {
        """
        SET statement_timeout = \(statementTimeoutMilliseconds); SET lock_timeout = \(lockTimeoutMilliseconds); \
        SET idle_in_transaction_session_timeout = \(idleInTransactionMilliseconds); SET TimeZone = 'UTC'
        """
    }

    /// The same for one transaction behind a pooler.
    var transactionLines: [String] {
        keepsSession
            ? []
            : [
                "SET LOCAL statement_timeout = \(statementTimeoutMilliseconds)",
                "SET LOCAL lock_timeout = \(lockTimeoutMilliseconds)",
            ]
    }
}

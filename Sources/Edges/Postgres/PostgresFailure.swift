package import Kernel

/// What PostgreSQL or the way to it answered instead of a result.
///
/// `description` is fit for a log: it leaves out `detail` and quoted literals, which carry values of rows.
package struct PostgresFailure: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Kind: Sendable, Equatable {
        /// The server refused a statement; `sqlState` says why.
        case statement
        /// No connection could be made.
        case connect
        /// The connection ended before the answer; nothing of an open transaction was kept.
        case connectionLost
        /// The connection ended, or a limit passed, while COMMIT was on its way: it may have happened or not.
        case commitUnknown
        /// No answer, or no free connection, within the limit.
        case timedOut
        /// The transaction had failed earlier and its body swallowed that, so COMMIT rolled it back.
        case rolledBack
        /// A statement was sent through a transaction that had ended, or past a bound of ours; nothing reached the server.
        case misuse
    }

    package let kind: Kind
    /// Five characters, or empty when the server said nothing.
    package let sqlState: String
    package let message: String
    /// May hold values of rows: never logged.
    package let detail: String?
    package let constraint: String?
    package let table: String?
    package let column: String?
    /// Which statement of a pipeline failed, from 0; those after it were not run.
    package let statementIndex: Int?

    package init(
        _ kind: Kind, sqlState: String = "", _ message: String, detail: String? = nil, constraint: String? = nil,
        table: String? = nil,
        column: String? = nil, statementIndex: Int? = nil
    ) {
        self.kind = kind
        self.sqlState = sqlState
        self.message = message
        self.detail = detail
        self.constraint = constraint
        self.table = table
        self.column = column
        self.statementIndex = statementIndex
    }

    /// Doing the same again, from the start of the transaction, may succeed and cannot do it twice.
    package var isRetryable: Bool {
        switch kind {
        case .connect: !PostgresFailure.lastingConnectStates.contains(String(sqlState.prefix(2)))
        case .connectionLost, .timedOut: true
        case .commitUnknown, .rolledBack, .misuse: false
        case .statement: isPassing
        }
    }

    /// Serialisation and deadlock, lock and statement limits, and whatever says that the server or its resources went away.
    private var isPassing: Bool {
        switch sqlState {
        case "40001", "40P01", "55P03", "57014", "57P01", "57P02", "57P03", "57P05", "25P03": true
        default: sqlState.hasPrefix("08") || sqlState.hasPrefix("53") || sqlState.hasPrefix("58")
        }
    }

    /// The world failed, as against a statement that the schema or its rows refuse.
    package var isWorldFailure: Bool { kind == .statement ? isPassing : kind != .misuse && kind != .rolledBack }

    /// Classes that another attempt to connect does not mend: wrong password, no such database, no such option.
    private static let lastingConnectStates: Set<String> = ["28", "3D", "42", "0A"]

    package var isUniqueViolation: Bool { sqlState == "23505" }
    package var isForeignKeyViolation: Bool { sqlState == "23503" }
    package var isCheckViolation: Bool { sqlState == "23514" }
    /// Row security refused it, or the role lacks the privilege.
    package var isInsufficientPrivilege: Bool { sqlState == "42501" }

    package var description: String {
        var text = sqlState.isEmpty ? loggableMessage : "\(sqlState) \(loggableMessage)"
        if let constraint { text += " (constraint \(constraint))" }
        if let table, constraint == nil { text += " (table \(table))" }
        if let statementIndex { text += " (statement \(statementIndex))" }
        return text
    }

    /// Messages of class 22, data exception, quote the offending value after the first colon.
    private var loggableMessage: String {
        guard sqlState.hasPrefix("22"), let colon = message.firstIndex(of: ":") else { return message }
        return String(message[..<colon])
    }

    /// The same as a fault of the world; the failure itself stays as the cause.
    package func fault(_ operation: String) -> Fault { Fault(operation, description, isRetryable: isRetryable, cause: self) }

    func at(_ index: Int) -> PostgresFailure {
        PostgresFailure(
            kind, sqlState: sqlState, message, detail: detail, constraint: constraint, table: table, column: column,
            statementIndex: index)
    }

    func with(_ kind: Kind) -> PostgresFailure {
        PostgresFailure(
            kind, sqlState: sqlState, message, detail: detail, constraint: constraint, table: table, column: column,
            statementIndex: statementIndex)
    }
}

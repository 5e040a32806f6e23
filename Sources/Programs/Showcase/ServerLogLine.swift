internal import Kernel

/// A line of the server's log, where the workers' lines are too.
struct ServerLogLine {
    let time: Moment
    let message: String
    let tenant: String
    let json: JSONValue

    /// Nil for what is no line of ours: the last one may be half written.
    init?(_ text: some StringProtocol) {
        // A line that does not parse is not one of these.
        guard let json = try? JSONValue(parsing: String(text)), let time = json["time"]?.moment,
            let message = json["message"]?.string
        else { return nil }
        self.json = json
        self.time = time
        self.message = message
        tenant = json["tenant"]?.string ?? ""
    }

    /// A worker's word that it finished a task.
    var isTaskEnd: Bool { message == "task ended" && json["milliseconds"] != nil }

    /// Of a task's end: when the worker took the task in hand, its end less what the work took.
    var taskStart: Moment { time.adding(milliseconds: -(json["milliseconds"]?.string.flatMap { Int64($0) } ?? 0)) }
}

internal import Kernel
internal import Postgres
internal import Records

extension LaneEngine {
    func raiseIncidents(_ batch: inout LaneBatch, tx: Transaction) async throws {}
}

extension LaneBatch {
    mutating func raiseAsked(_ command: CommandRow) -> JSONValue { .null }
}

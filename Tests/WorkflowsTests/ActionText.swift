import Kernel

@testable import Workflows

/// An action as one line that does not depend on the order of dictionaries: what recorded histories keep a hash of.
func line(_ action: RunAction) -> String {
    switch action {
    case .dispatch(let request): "dispatch \(request.json.text)"
    case .ask(let request): "ask \(request.json.text)"
    case .signed(let key, let note): "signed \(key) \(note.json.text)"
    case .close(let key, let outcome, let person): "close \(key) \(outcome) \(person?.text ?? "")"
    case .withdraw(let key, let reason): "withdraw \(key) \(reason)"
    case .setTimer(let key, let at): "set \(key) \(at)"
    case .cancelTimer(let key): "cancel \(key)"
    case .record(let note): "record \(note.type) \(note.step) \(note.summary) \(note.data.text)"
    case .audit(let name, let facts): "audit \(name) \(facts.text)"
    case .clock(let objective, let change): "clock \(objective) \(change)"
    case .notify(let topic, let facts): "notify \(topic) \(facts.text)"
    case .incident(let alert, let facts):
        "incident \(alert) " + facts.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
    case .finish(let outcome, let output): "finish \(outcome) \(output.text)"
    case .emit(let event): "emit \(event.text)"
    case .startChild(let request): "start \(request.key) \(request.workflow.key) \(request.depth) \(request.input.text)"
    case .abandonChild(let key, let reason): "abandon \(key) \(reason)"
    case .steerChild(let key, let event): "steer \(key) \(event.json.text)"
    case .payment(let payment): "payment \(payment.invoice) \(payment.record?.text ?? "")"
    }
}

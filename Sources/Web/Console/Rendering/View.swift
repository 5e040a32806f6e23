internal import Mustache

/// A model part that shows a template more than its stored properties.
///
/// `View` reads stored properties by reflection, once per value; what is computed has to be named here.
protocol Showing {
    /// Names and values beside the stored properties; a value may be anything `View` understands.
    var shown: [(name: String, value: Any)] { get }
}

/// What a template sees of a model: names to escaped text, flags, lists and further views.
///
/// Built once per page. Looking each name up by reflection while rendering, as the template library does by itself, costs a walk
/// over all properties for every tag.
final class View: MustacheParent {
    private var members: [String: Any] = [:]
    private let missed: ((String) -> Void)?

    /// `missed` hears every name asked of this view that it does not have; only the outermost view is given one, by tests.
    /// `beside` adds names that do not belong to the model, such as the addresses of static files.
    init(_ model: Any, beside: [(name: String, value: Any)] = [], missed: ((String) -> Void)? = nil) {
        self.missed = missed
        for (name, value) in beside { members[name] = View.value(value) }
        add(Mirror(reflecting: model))
        if let model = model as? any Showing {
            for (name, value) in model.shown { members[name] = View.value(value) }
        }
    }

    private func add(_ mirror: Mirror) {
        for child in mirror.children {
            guard let name = child.label else { continue }
            members[name] = View.value(child.value)
        }
    }

    func child(named name: String) -> Any? {
        if let member = members[name] { return member }
        missed?(name)
        return nil
    }

    private static func value(_ value: Any) -> Any {
        switch value {
        case let text as String: return ShownText(text: Markup.escaped(text))
        case let markup as Markup: return ShownText(text: markup.html)
        case let flag as Bool: return flag
        case let number as Int: return ShownText(text: String(number))
        default: break
        }
        let mirror = Mirror(reflecting: value)
        switch mirror.displayStyle {
        case .optional:
            guard let some = mirror.children.first else { return ShownText(text: "") }
            return View.value(some.value)
        case .collection:
            return mirror.children.map { View.value($0.value) }
        default:
            return View(value)
        }
    }
}

/// Text that is already HTML.
///
/// Empty text counts as absent, so that `{{#note}}` means "there is a note", and it ends the search for the name: a row
/// without a note must not show its page's. It has no children, so names inside `{{#note}}` come from around it.
struct ShownText: MustacheCustomRenderable, MustacheParent {
    let text: String
    var renderText: String { text }
    var isNull: Bool { text.isEmpty }
    func child(named _: String) -> Any? { nil }
}

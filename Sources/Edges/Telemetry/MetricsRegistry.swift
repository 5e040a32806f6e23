import Kernel

/// All metrics of a process, printed in the Prometheus text format 0.0.4.
///
/// Asking twice for one name gives the same metric, so callers need not pass them around. Labels take bounded values (a
/// route's pattern, an outcome), never an identifier; past `seriesMax` label sets of a metric the rest are counted together
/// under `other`, so that no caller can fill the memory.
package final class MetricsRegistry: Sendable {
    /// Label sets per metric unless it says otherwise.
    package static let seriesMaxDefault = 200
    /// What stands for every label of a set that came too late.
    package static let overflowLabel = "other"

    private struct State {
        var families: [String: MetricFamily] = [:]
        var scrapers: [@Sendable () -> Void] = []
    }

    private let state = Locked(State())
    private let overflow: MetricFamily

    package init() {
        overflow = MetricFamily(
            name: "metrics_label_sets_refused_total",
            help: "Values counted under \"other\" because a metric had too many label sets.",
            kind: .counter, labels: ["metric"], buckets: [], seriesMax: 1000, overflow: nil)
        state.withLock { $0.families[overflow.name] = overflow }
    }

    /// A count that only grows; by custom its name ends in `_total`.
    package func counter(
        _ name: String, _ help: String, labels: [String] = [], seriesMax: Int = MetricsRegistry.seriesMaxDefault
    ) -> Counter {
        Counter(family: family(name, help, .counter, labels, [], seriesMax))
    }

    /// A value that goes up and down.
    package func gauge(
        _ name: String, _ help: String, labels: [String] = [], seriesMax: Int = MetricsRegistry.seriesMaxDefault
    ) -> Gauge {
        Gauge(family: family(name, help, .gauge, labels, [], seriesMax))
    }

    /// Observations counted by upper bounds, which ascend; the last bucket, infinity, comes by itself.
    package func histogram(
        _ name: String, _ help: String, labels: [String] = [], buckets: [Double] = Histogram.secondsDefault,
        seriesMax: Int = MetricsRegistry.seriesMaxDefault
    ) -> Histogram {
        precondition(
            !buckets.isEmpty && zip(buckets, buckets.dropFirst()).allSatisfy { $0 < $1 }, "buckets of \(name) do not ascend")
        return Histogram(family: family(name, help, .histogram, labels, buckets, seriesMax))
    }

    /// Runs before every exposition, to set gauges that are cheaper to look up than to keep. It must not block.
    package func beforeExposition(_ body: @escaping @Sendable () -> Void) {
        state.withLock { $0.scrapers.append(body) }
    }

    /// The whole page, metrics by name and series by labels, for `text/plain; version=0.0.4`.
    package func exposition() -> String {
        for scraper in state.withLock({ $0.scrapers }) { scraper() }
        let families = state.withLock { Array($0.families.values) }.sorted { $0.name < $1.name }
        var out = ""
        for family in families { family.print(into: &out) }
        return out
    }

    private func family(
        _ name: String, _ help: String, _ kind: MetricFamily.Kind, _ labels: [String], _ buckets: [Double], _ seriesMax: Int
    ) -> MetricFamily {
        state.withLock { state in
            if let known = state.families[name] {
                precondition(
                    known.kind == kind && known.labels == labels && known.buckets == buckets, "\(name) is already another metric")
                return known
            }
            precondition(MetricFamily.isName(name), "\(name) is no name of a metric")
            precondition(
                labels.allSatisfy(MetricFamily.isLabel) && Set(labels).count == labels.count, "labels of \(name): \(labels)")
            let made = MetricFamily(
                name: name, help: help, kind: kind, labels: labels, buckets: buckets, seriesMax: seriesMax, overflow: overflow)
            state.families[name] = made
            return made
        }
    }
}

package struct Counter: Sendable {
    fileprivate let family: MetricFamily

    /// Adds to the series of those label values, given in the order of the labels. Negative amounts are a bug.
    package func add(_ amount: Double = 1, _ labelValues: String...) {
        precondition(amount >= 0, "\(family.name) cannot shrink")
        family.change(labelValues) { $0.value += amount }
    }

    /// Of one series, 0 when there is none yet.
    package func value(_ labelValues: String...) -> Double { family.cell(labelValues)?.value ?? 0 }
}

package struct Gauge: Sendable {
    fileprivate let family: MetricFamily

    package func set(_ value: Double, _ labelValues: String...) { family.change(labelValues) { $0.value = value } }
    package func add(_ amount: Double, _ labelValues: String...) { family.change(labelValues) { $0.value += amount } }
    package func value(_ labelValues: String...) -> Double { family.cell(labelValues)?.value ?? 0 }

    /// Forgets all series, for gauges whose label sets come and go (states of a fleet).
    package func reset() { family.reset() }
}

package struct Histogram: Sendable {
    /// From a database round trip to a slow ERP.
    package static let secondsDefault: [Double] = [
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
    ]

    fileprivate let family: MetricFamily

    package func observe(_ value: Double, _ labelValues: String...) {
        let bucket = family.buckets.firstIndex { value <= $0 } ?? family.buckets.count
        family.change(labelValues) { cell in
            cell.value += value
            cell.counts[bucket] += 1
        }
    }

    /// How many observations one series has.
    package func count(_ labelValues: String...) -> UInt64 { family.cell(labelValues)?.counts.reduce(0, +) ?? 0 }
}

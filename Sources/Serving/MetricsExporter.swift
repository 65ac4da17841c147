import CoreMetrics
import Observability

/// Hands the metrics of a run to a backend of swift-metrics: what a counter has gained, what a gauge shows now.
struct MetricsExporter {
    /// A value with its labels.
    private struct Key: Hashable {
        let name: String
        let labels: [MetricFamily.Label]

        var dimensions: [(String, String)] { labels.map { ($0.name, $0.value) } }
    }

    private let factory: any MetricsFactory
    private var counters: [Key: (counter: FloatingPointCounter, value: Double)] = [:]
    private var meters: [Key: Meter] = [:]

    /// - Parameter factory: the backend.
    init(to factory: any MetricsFactory) {
        self.factory = factory
    }

    /// Brings the backend to what `families` say. Gauges that are not among them any more are taken back, and so are all
    /// counters where one has become less: the run began anew.
    mutating func export(_ families: [MetricFamily]) {
        var missing = Set(meters.keys)
        if families.contains(where: { family in
            family.kind == .counter
                && family.samples.contains { sample in
                    counters[Key(name: family.name, labels: sample.labels)].map { $0.value > sample.value } ?? false
                }
        }) {
            for (counter, _) in counters.values { counter.destroy() }
            counters = [:]
        }
        for family in families {
            for sample in family.samples {
                let key = Key(name: family.name, labels: sample.labels)
                if family.kind == .counter {
                    let known =
                        counters[key]
                        ?? (FloatingPointCounter(label: key.name, dimensions: key.dimensions, factory: factory), 0)
                    known.counter.increment(by: sample.value - known.value)
                    counters[key] = (known.counter, sample.value)
                } else {
                    missing.remove(key)
                    let meter =
                        meters[key] ?? Meter(label: key.name, dimensions: key.dimensions, factory: factory)
                    meter.set(sample.value)
                    meters[key] = meter
                }
            }
        }
        for key in missing { meters.removeValue(forKey: key)?.destroy() }
    }
}

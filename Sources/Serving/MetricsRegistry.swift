package import CoreMetrics
package import Observability
import Synchronization

/// A backend of swift-metrics that keeps the values of this process and writes them in Prometheus' format.
package final class MetricsRegistry: MetricsFactory, Sendable {
    fileprivate struct State {
        /// The families in the order in which they were declared or came up.
        var names: [String] = []
        var families: [String: (kind: MetricFamily.Kind, help: String)] = [:]
        var series: [String: [Series]] = [:]
        var known: [Key: Series] = [:]
    }

    /// A metric with labels.
    fileprivate struct Key: Hashable {
        let name: String
        let labels: [MetricFamily.Label]
    }

    private let state = Mutex(State())

    package init() {}

    /// Says what a metric means; one that was not declared has no help.
    package func declare(_ name: String, _ kind: MetricFamily.Kind, help: String) {
        state.withLock { $0.add(name, kind, help: help) }
    }

    /// All that it holds, in Prometheus' text format.
    package var text: String {
        PrometheusText.of(
            state.withLock { state in
                state.names.compactMap { name in
                    state.families[name].map { family in
                        MetricFamily(
                            name: name, kind: family.kind, help: family.help,
                            samples: (state.series[name] ?? []).flatMap(\.samples))
                    }
                }
            })
    }

    /// The series of a metric with these labels, which is made where there is none.
    private func series(_ label: String, _ dimensions: [(String, String)], _ kind: MetricFamily.Kind) -> Series {
        let name = Self.name(label)
        let labels = dimensions.map { MetricFamily.Label(Self.name($0.0, isLabel: true), $0.1) }
        return state.withLock { state in
            state.add(name, kind, help: "")
            let key = Key(name: name, labels: labels)
            if let known = state.known[key] { return known }
            let new = Series(name, labels, state.families[name]?.kind ?? kind)
            state.series[name, default: []].append(new)
            state.known[key] = new
            return new
        }
    }

    private func remove(_ handler: AnyObject) {
        guard let series = handler as? Series else { return }
        state.withLock { state in
            state.series[series.name]?.removeAll { $0 === series }
            state.known[Key(name: series.name, labels: series.labels)] = nil
        }
    }

    /// `label` with underscores for what Prometheus allows in no name.
    private static func name(_ label: String, isLabel: Bool = false) -> String {
        guard !PrometheusText.isName(label, isLabel: isLabel) else { return label }
        let text = String(label.map { PrometheusText.isName("_\($0)", isLabel: isLabel) ? $0 : "_" })
        return PrometheusText.isName(text, isLabel: isLabel) ? text : "_" + text
    }

    package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        series(label, dimensions, .counter)
    }

    package func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        series(label, dimensions, .counter)
    }

    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        series(label, dimensions, .gauge)
    }

    package func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        series(label, dimensions, aggregate ? .summary : .gauge)
    }

    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        series(label, dimensions, .summary)
    }

    package func destroyCounter(_ handler: any CounterHandler) { remove(handler) }
    package func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { remove(handler) }
    package func destroyMeter(_ handler: any MeterHandler) { remove(handler) }
    package func destroyRecorder(_ handler: any RecorderHandler) { remove(handler) }
    package func destroyTimer(_ handler: any TimerHandler) { remove(handler) }
}

extension MetricsRegistry.State {
    fileprivate mutating func add(_ name: String, _ kind: MetricFamily.Kind, help: String) {
        guard families[name] == nil else { return }
        names.append(name)
        families[name] = (kind, help)
    }
}

/// One value, or a sum of observations and their number, with its labels.
private final class Series: CounterHandler, FloatingPointCounterHandler, MeterHandler, RecorderHandler, TimerHandler {
    let name: String
    let labels: [MetricFamily.Label]
    private let kind: MetricFamily.Kind
    private let state = Mutex((value: 0.0, count: 0.0))

    init(_ name: String, _ labels: [MetricFamily.Label], _ kind: MetricFamily.Kind) {
        self.name = name
        self.labels = labels
        self.kind = kind
    }

    var samples: [MetricFamily.Sample] {
        let (value, count) = state.withLock { $0 }
        return kind == .summary
            ? [.init(labels, value, suffix: "_sum"), .init(labels, count, suffix: "_count")]
            : [.init(labels, value)]
    }

    func increment(by amount: Int64) { add(Double(amount)) }
    func increment(by amount: Double) { add(amount) }
    func decrement(by amount: Double) { add(-amount) }
    func reset() { state.withLock { $0 = (0, 0) } }

    func set(_ value: Int64) { set(Double(value)) }
    func set(_ value: Double) { state.withLock { $0.value = value } }

    func record(_ value: Int64) { record(Double(value)) }
    func record(_ value: Double) { kind == .summary ? add(value) : set(value) }
    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }

    private func add(_ amount: Double) {
        state.withLock { state in
            state.value += amount
            state.count += 1
        }
    }
}

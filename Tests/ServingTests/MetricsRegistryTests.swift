import CoreMetrics
import Observability
import Serving
import Testing

/// The backend of swift-metrics, through its own interface.
@Suite struct MetricsRegistryTests {
    @Test func everyKindOfMetricIsWritten() {
        let registry = MetricsRegistry()
        registry.declare("b_total", .counter, help: "Declared first.")
        let counter = Counter(label: "b_total", dimensions: [("peer", "x")], factory: registry)
        counter.increment(by: 2)
        counter.increment()
        // The same metric with the same labels is the same value.
        Counter(label: "b_total", dimensions: [("peer", "x")], factory: registry).increment()
        FloatingPointCounter(label: "c_total", factory: registry).increment(by: 0.5)
        let meter = Meter(label: "d", factory: registry)
        meter.set(4)
        meter.increment(by: 1.5)
        meter.decrement(by: 0.5)
        let recorder = Recorder(label: "e", aggregate: true, factory: registry)
        recorder.record(1)
        recorder.record(2.5)
        Recorder(label: "f", aggregate: false, factory: registry).record(7)
        Timer(label: "g_seconds", factory: registry).recordNanoseconds(250_000_000)
        #expect(
            registry.text == """
                # HELP b_total Declared first.
                # TYPE b_total counter
                b_total{peer="x"} 4
                # HELP c_total \("")
                # TYPE c_total counter
                c_total 0.5
                # HELP d \("")
                # TYPE d gauge
                d 5
                # HELP e \("")
                # TYPE e summary
                e_sum 3.5
                e_count 2
                # HELP f \("")
                # TYPE f gauge
                f 7
                # HELP g_seconds \("")
                # TYPE g_seconds summary
                g_seconds_sum 0.25
                g_seconds_count 1

                """)
        counter.reset()
        #expect(registry.text.contains("b_total{peer=\"x\"} 0\n"))
        counter.destroy()
        meter.destroy()
        #expect(!registry.text.contains("b_total") && !registry.text.contains("\nd "))
    }

    @Test func namesOfOtherLibrariesAreMadeNames() {
        let registry = MetricsRegistry()
        Counter(label: "http.server-requests", dimensions: [("hb.uri", "/a\"b")], factory: registry).increment()
        Counter(label: "9 lives", factory: registry).increment()
        #expect(registry.text.contains("\nhttp_server_requests{hb_uri=\"/a\\\"b\"} 1\n"))
        #expect(registry.text.contains("\n_9_lives 1\n"))
    }
}

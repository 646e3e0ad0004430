using System.Collections.Concurrent;
using System.Globalization;
using System.Text;

namespace MappingNets.Examples.Serve;

/// <summary>What was answered, as Prometheus reads it.</summary>
internal sealed class Counts
{
    private readonly ConcurrentDictionary<string, (long Count, double Seconds)> answered = new(StringComparer.Ordinal);
    private long refused;

    public void Answered(string? adapter, TimeSpan took) =>
        answered.AddOrUpdate(adapter ?? "", (1, took.TotalSeconds), (_, old) => (old.Count + 1, old.Seconds + took.TotalSeconds));

    public void Refused() => Interlocked.Increment(ref refused);

    private static string Label(string text) => text.Replace(@"\", @"\\").Replace("\"", "\\\"").Replace("\n", @"\n");

    public string Describe()
    {
        var text = new StringBuilder("# TYPE predictions_total counter\n# TYPE prediction_seconds_total counter\n# TYPE refused_total counter\n");
        foreach (var (adapter, (count, seconds)) in answered.OrderBy(pair => pair.Key, StringComparer.Ordinal))
            text.Append(CultureInfo.InvariantCulture, $"predictions_total{{adapter=\"{Label(adapter)}\"}} {count}\nprediction_seconds_total{{adapter=\"{Label(adapter)}\"}} {seconds:F6}\n");
        return text.Append(CultureInfo.InvariantCulture, $"refused_total {Interlocked.Read(ref refused)}\n").ToString();
    }
}

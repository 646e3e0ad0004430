using System.Globalization;

namespace MappingNets.Experiments.Fuzz;

/// <summary>What the command line asks for.</summary>
internal sealed record FuzzOptions
{
    /// <summary>How many cases all subjects have together.</summary>
    public long Cases { get; init; } = 20_000;

    /// <summary>The number of each subject's first case.</summary>
    public long First { get; init; }

    /// <summary>The one case to run in this process, of the one subject.</summary>
    public long? Case { get; init; }

    /// <summary>The subjects by name.</summary>
    public IReadOnlyList<string> Subjects { get; init; } = [.. Fuzz.Subjects.All.Select(one => one.Key)];

    /// <summary>How many worker processes run at once.</summary>
    public int Workers { get; init; } = Environment.ProcessorCount;

    /// <summary>When workers stop, done or not.</summary>
    public DateTime Deadline { get; init; } = DateTime.MaxValue;

    /// <summary>Where the results go.</summary>
    public string Folder { get; init; } = Path.Combine("artifacts", "fuzz");

    // What takes milliseconds a case gets fewer of them, and the quick formats the rest.
    private static readonly string[] Slow = ["resume file", "adapter in a host", "fine-tuned adapter", "mapped adapter", "trained tensors", "adapter folder", "air quality csv", "cifar"];

    /// <summary>The share of a subject.</summary>
    public long CasesOf(int index, long each)
    {
        var slow = Subjects.Count(Slow.Contains);
        if (slow == 0 || slow == Subjects.Count)
            return each;
        var slowShare = Math.Max(1, each / 4);
        return Slow.Contains(Subjects[index]) ? slowShare : ((Cases - (slowShare * slow)) / (Subjects.Count - slow)) + 1;
    }

    /// <summary>Reads the command line; null where it is wrong, after saying so.</summary>
    public static FuzzOptions? Parse(string[] arguments)
    {
        var options = new FuzzOptions();
        for (var index = 0; index < arguments.Length; index += 2)
        {
            var value = index + 1 < arguments.Length ? arguments[index + 1] : "";
            var isNumber = long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number);
            switch (arguments[index])
            {
                case "--cases" when isNumber && number > 0:
                    options = options with { Cases = number };
                    break;
                case "--first" when isNumber:
                    options = options with { First = number };
                    break;
                case "--case" when isNumber:
                    options = options with { Case = number };
                    break;
                case "--workers" when isNumber && number is > 0 and <= 256:
                    options = options with { Workers = (int)number };
                    break;
                case "--minutes" when isNumber && number > 0:
                    options = options with { Deadline = DateTime.UtcNow.AddMinutes(number) };
                    break;
                case "--subject" when Fuzz.Subjects.All.Any(one => one.Key == value):
                    options = options with { Subjects = [value] };
                    break;
                case "--out" when value.Length > 0:
                    options = options with { Folder = value };
                    break;
                default:
                    Console.Error.WriteLine(
                        $"'{arguments[index]} {value}' is none of: --cases N, --first N, --minutes N, --workers N, --out FOLDER, --subject NAME, --case N. "
                        + $"Subjects: {string.Join(", ", Fuzz.Subjects.All.Select(one => one.Key))}.");
                    return null;
            }
        }

        return options;
    }
}

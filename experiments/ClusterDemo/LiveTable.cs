using System.Diagnostics;

namespace MappingNets.Experiments.ClusterDemo;

/// <summary>A line for each worker that changes in its place; where the output is no terminal, a line every five seconds.</summary>
internal sealed class LiveTable
{
    private readonly SortedDictionary<int, string> lines = [];
    private readonly Stopwatch sinceShown = Stopwatch.StartNew();
    private readonly Lock gate = new();
    private int shown;

    /// <summary>Where a worker stands.</summary>
    public void Show(int worker, string line)
    {
        lock (gate)
        {
            lines[worker] = line;
            if (sinceShown.Elapsed < (Console.IsOutputRedirected ? TimeSpan.FromSeconds(5) : TimeSpan.FromSeconds(0.2)))
                return;
            Draw();
        }
    }

    /// <summary>Something that stays.</summary>
    public void Note(string text)
    {
        lock (gate)
        {
            Erase();
            Console.WriteLine(text);
        }
    }

    /// <summary>The last state.</summary>
    public void End()
    {
        lock (gate)
        {
            Draw();
            shown = 0;
        }
    }

    private void Draw()
    {
        Erase();
        foreach (var (worker, line) in lines)
            Console.WriteLine($"worker {worker}: {line}");
        shown = lines.Count;
        sinceShown.Restart();
    }

    // Up over the lines that were drawn last, and clear to the end of the screen.
    private void Erase()
    {
        if (shown > 0 && !Console.IsOutputRedirected)
            Console.Write($"\e[{shown}A\e[J");
        shown = 0;
    }
}

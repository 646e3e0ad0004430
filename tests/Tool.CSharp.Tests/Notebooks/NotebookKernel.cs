using System.Diagnostics;
using System.Text.Json;

namespace MappingNets.Tests.Notebooks;

/// <summary>A process of dotnet-interactive that runs cells, one line of JSON for each command and event.</summary>
internal sealed class NotebookKernel : IDisposable
{
    private readonly Process process;
    private int sent;

    private NotebookKernel(Process process) => this.process = process;

    /// <summary>The program; null where neither `./build.sh test` nor the user installed it.</summary>
    public static string? Program { get; } = new[] { Path.Combine(RepositoryRoot.Path, "artifacts", "tools") }
        .Concat((Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator))
        .SelectMany(folder => new[] { "dotnet-interactive", "dotnet-interactive.exe" }, Path.Combine).FirstOrDefault(File.Exists);

    public static async Task<NotebookKernel> Start(string folder, CancellationToken stop)
    {
        var kernel = new NotebookKernel(Process.Start(new ProcessStartInfo(Program!, ["stdio", "--default-kernel", "csharp", "--working-dir", folder])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!);
        try
        {
            while (Kind(await kernel.Next(stop)) != "KernelReady")
            {
            }

            return kernel;
        }
        catch
        {
            kernel.Dispose();
            throw;
        }
    }

    /// <summary>Runs a cell and gives what it printed or showed; a cell that fails throws with its message.</summary>
    public async Task<string> Run(string code, string language, CancellationToken stop)
    {
        var token = $"cell-{++sent}";
        var command = new { commandType = "SubmitCode", token, command = new { code, targetKernelName = language } };
        await process.StandardInput.WriteLineAsync(JsonSerializer.Serialize(command).AsMemory(), stop);
        await process.StandardInput.FlushAsync(stop);
        var shown = new List<string>();
        while (true)
        {
            var heard = await Next(stop);
            var isThisCells = heard.TryGetProperty("command", out var of) && of.ValueKind == JsonValueKind.Object
                && of.TryGetProperty("token", out var its) && its.GetString() == token;
            switch (Kind(heard))
            {
                case "CommandSucceeded" when isThisCells:
                    return string.Concat(shown);
                case "CommandFailed" when isThisCells:
                    throw new InvalidOperationException($"{heard.GetProperty("event").GetProperty("message")} in the cell\n{code}\n{string.Concat(shown)}");
                case "StandardOutputValueProduced" or "ReturnValueProduced" or "DisplayedValueProduced" or "StandardErrorValueProduced":
                    shown.AddRange(heard.GetProperty("event").GetProperty("formattedValues").EnumerateArray().Take(1).Select(value => value.GetProperty("value").GetString()!));
                    break;
            }
        }
    }

    public void Dispose()
    {
        if (!process.HasExited)
            process.Kill(entireProcessTree: true);
        process.WaitForExit();
        process.Dispose();
    }

    private static string? Kind(JsonElement heard) => heard.TryGetProperty("eventType", out var kind) ? kind.GetString() : null;

    private async Task<JsonElement> Next(CancellationToken stop)
    {
        while (await process.StandardOutput.ReadLineAsync(stop) is { } line)
            if (line.StartsWith('{'))
                return JsonDocument.Parse(line).RootElement.Clone();
        throw new InvalidOperationException($"{Program} ended.");
    }
}

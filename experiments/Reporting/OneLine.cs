using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;

namespace MappingNets;

/// <summary>
/// How a program ends that was told something wrong, or lacks a file: with one line on the error stream and exit code 1, where a stack trace would say less.
/// The examples compile this file too.
/// </summary>
internal static class OneLine
{
    // How clusters and Redis say that they cannot be reached. By name, for most programs have none of them.
    private static readonly string[] Unreachable = ["MappingNets.ClusterUnavailableException", "Orleans.", "StackExchange.Redis."];

    /// <summary>From here on the program ends so where nobody catches such an exception.</summary>
    public static void ForFaults() => AppDomain.CurrentDomain.UnhandledException += (_, thrown) =>
    {
        if (thrown.ExceptionObject is Exception fault && IsAnswer(fault))
            Environment.Exit(Of(fault));
    };

    /// <summary>
    /// Whether an exception tells what is wrong with an argument, a file or the machine. Any other is a fault of the program itself and shows where it was.
    /// </summary>
    /// <param name="fault">The exception.</param>
    public static bool IsAnswer(Exception fault) => fault is IOException or InvalidDataException or UnauthorizedAccessException or ArgumentException
        or InvalidOperationException or NotSupportedException or ArithmeticException or JsonException or HttpRequestException or CryptographicException
        or ExternalException
        || Unreachable.Any(start => fault.GetType().FullName!.StartsWith(start, StringComparison.Ordinal));

    /// <summary>Writes the line.</summary>
    /// <param name="fault">The exception.</param>
    /// <returns>The exit code, 1.</returns>
    public static int Of(Exception fault)
    {
        // The name of an argument in the library means nothing on a command line.
        var named = fault is ArgumentException { ParamName: { } name } ? $" (Parameter '{name}')" : "\0";
        Console.Error.WriteLine(fault.Message.Replace(named, "", StringComparison.Ordinal).ReplaceLineEndings(" ").Trim());
        return 1;
    }
}

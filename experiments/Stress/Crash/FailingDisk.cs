using System.Diagnostics;
using MappingNets.Experiments.Reporting;

namespace MappingNets.Experiments.Stress;

/// <summary>Folders in which nothing can be written any more: what was there stands, and the failure is an IOException with the name.</summary>
internal static class FailingDisk
{
    private const string ResumeName = "run.safetensors";
    private static readonly string[] InFolder = ["adapter_model.safetensors", "adapter_config.json"];

    private const string Full = "full disk";
    private const string ReadOnly = "read-only folder";
    private const string Vanished = "vanished folder";

    /// <summary>The scenarios by name; each gets an empty folder.</summary>
    public static IReadOnlyList<(string Name, Func<string, CrashResult> Run)> All { get; } =
        [(Full, FullDisk), (ReadOnly, ReadOnlyFolder), (Vanished, VanishedFolder)];

    private static CrashResult FullDisk(string folder)
    {
        var result = CrashResult.Of(Full);
        using var disk = SmallDisk.Mount(folder, "size=256k");
        if (disk is null)
            return result with { Left = "left out: mounting a small disk needs root on Linux" };
        var (saved, whole) = Begin(folder, ref result);
        // Up to the last byte.
        using (var filler = new FileStream(Path.Combine(folder, "filler"), FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0))
            try
            {
                while (true)
                    filler.Write(new byte[512]);
            }
            catch (IOException)
            {
            }

        result = Refused(folder, saved, result);
        File.Delete(Path.Combine(folder, "filler"));
        return GoesOn(folder, whole, result);
    }

    private static CrashResult ReadOnlyFolder(string folder)
    {
        var result = CrashResult.Of(ReadOnly);
        using var disk = SmallDisk.Mount(folder, "size=1m");
        if (disk is null)
            return result with { Left = "left out: making a disk read-only needs root on Linux" };
        var (saved, whole) = Begin(folder, ref result);
        disk.Remount("ro");
        result = Refused(folder, saved, result);
        disk.Remount("rw");
        return GoesOn(folder, whole, result);
    }

    private static CrashResult VanishedFolder(string folder)
    {
        var result = CrashResult.Of(Vanished);
        var place = Directory.CreateDirectory(Path.Combine(folder, "place")).FullName;
        var kind = ModelKind.Of("slvt");
        var isGone = false;
        var vanishing = kind with
        {
            Options = kind.Options with
            {
                OnEpoch = _ =>
                {
                    if (!isGone)
                        Directory.Delete(place, recursive: true);
                    isGone = true;
                    return TrainingSignal.Continue;
                },
            },
        };
        result = result.Checked(Fails(place, () => vanishing.Train(Path.Combine(place, ResumeName)).Model.Dispose()));
        using var model = kind.Build();
        result = result.Checked(Fails(place, () => RunFiles.Save(model, Path.Combine(place, "adapter"))));
        return result.Checked(Leftovers.In(folder));
    }

    /// <summary>An adapter's folder, a file and a run of two epochs of four; and the digest of the whole run.</summary>
    private static (string Saved, string Whole) Begin(string folder, ref CrashResult result)
    {
        var kind = ModelKind.Of("slvt");
        var (whole, _) = kind.Train();
        using (whole)
        {
            var adapter = (MappedModel)whole;
            adapter.SaveAdapterFolder(Path.Combine(folder, "folder"));
            adapter.SaveAdapter(Path.Combine(folder, "file"));
            using var stop = new CancellationTokenSource();
            var halved = kind with
            {
                Options = kind.Options with
                {
                    OnEpoch = progress =>
                    {
                        if (progress.Epoch == 2)
                            stop.Cancel();
                        return TrainingSignal.Continue;
                    },
                },
            };
            result = result.Checked(() =>
            {
                try
                {
                    halved.Train(Path.Combine(folder, ResumeName), stop.Token).Model.Dispose();
                    return "the run was not stopped";
                }
                catch (OperationCanceledException)
                {
                    return null;
                }
            });
            return (Digest(whole), Digest(whole));
        }
    }

    private static CrashResult Refused(string folder, string saved, CrashResult result)
    {
        var kind = ModelKind.Of("slvt");
        using var other = (MappedModel)kind.Build();
        var before = Directory.GetFileSystemEntries(folder, "*", SearchOption.AllDirectories).Order().ToArray();
        result = result
            .Checked(Fails(folder, () => other.SaveAdapterFolder(Path.Combine(folder, "folder"))))
            .Checked(Fails(folder, () => other.SaveAdapter(Path.Combine(folder, "file"))))
            .Checked(Fails(folder, () => other.SaveAdapterFolder(Path.Combine(folder, "new-folder"))))
            .Checked(Fails(folder, () => kind.Train(Path.Combine(folder, ResumeName)).Model.Dispose()));
        foreach (var name in new[] { "folder", "file" })
            result = result.Checked(() =>
            {
                using var loaded = kind.Load(Path.Combine(folder, name));
                return Digest(loaded) == saved ? null : $"the adapter '{name}' changed";
            });
        var after = Directory.GetFileSystemEntries(folder, "*", SearchOption.AllDirectories).Order().ToArray();
        var more = after.Except(before.Append(Path.Combine(folder, "new-folder"))).ToArray();
        return result.Checked(more.Length == 0 ? null : $"left behind: {string.Join(", ", more)}");
    }

    private static CrashResult GoesOn(string folder, string whole, CrashResult result) => result.Checked(() =>
    {
        var (model, _) = ModelKind.Of("slvt").Train(Path.Combine(folder, ResumeName));
        using (model)
        {
            ((MappedModel)model).SaveAdapterFolder(Path.Combine(folder, "folder"));
            return Digest(model) == whole ? Leftovers.In(Path.Combine(folder, "folder"), InFolder) : "the resumed run ended with other bits";
        }
    });

    private static string Digest(Model model)
    {
        var folder = Directory.CreateTempSubdirectory("mappingnets-crash-");
        try
        {
            return WeightDigest.Of(model, folder.FullName);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static string? Fails(string named, Action action)
    {
        try
        {
            action();
            return "what cannot be written was not refused";
        }
        catch (IOException fault)
        {
            return fault.Message.Contains(named, StringComparison.Ordinal) ? null : $"the refusal names no file: {fault.Message}";
        }
        catch (Exception fault)
        {
            return $"{fault.GetType().Name}: {fault.Message.Split('\n')[0]}";
        }
    }

    /// <summary>A disk in memory over a folder.</summary>
    private sealed class SmallDisk(string folder) : IDisposable
    {
        public static SmallDisk? Mount(string folder, string options) =>
            OperatingSystem.IsLinux() && Run("mount", "-t", "tmpfs", "-o", options, "tmpfs", folder) ? new(folder) : null;

        public void Remount(string how)
        {
            if (!Run("mount", "-o", $"remount,{how}", folder))
                throw new InvalidOperationException($"The disk in '{folder}' cannot be made {how}.");
        }

        public void Dispose() => Run("umount", folder);

        private static bool Run(string program, params IEnumerable<string> arguments)
        {
            try
            {
                using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
                process.StandardError.ReadToEnd();
                process.WaitForExit();
                return process.ExitCode == 0;
            }
            catch (System.ComponentModel.Win32Exception)
            {
                return false;
            }
        }
    }
}

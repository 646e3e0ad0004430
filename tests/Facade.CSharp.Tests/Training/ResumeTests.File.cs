using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

// What the file itself promises: which data it belongs to, who uses it, and how large it gets.
public sealed partial class ResumeTests
{
    [Fact]
    public void Other_data_of_the_same_size_is_refused()
    {
        using var folder = new TemporaryFolder();
        using var data = Small.Classes(40);
        var file = folder.File("run.safetensors");
        Interrupt("slvt", Options, file, epoch: 2, step: 4);
        void Refused(string what, Dataset training, Dataset validation)
        {
            using var model = Small.Slvt();
            var fault = Assert.Throws<CheckpointFormatException>(() => new Trainer(model, Options).Fit(training, validation, resumeFile: file));
            Assert.Contains($"'{file}' belongs to another run: the SHA-256 of the {what} data is ", fault.Message);
        }

        using var other = Small.Classes(40, seed: 2);
        Refused("training", other, data);
        Refused("validation", data, other);
        using var scope = NewDisposeScope();
        var flipped = data.Targets.clone();
        flipped[39] = (flipped[39] + 1) % 3;
        Refused("training", Dataset.FromTensors(data.Inputs.clone(), flipped, data.ClassNames), data);
        Refused("training", Dataset.FromTensors(data.Inputs.clone(), data.Targets.clone(), ["b", "a", "c"]), data);

        // A copy is the same data.
        using var copy = Dataset.FromTensors(data.Inputs.clone(), data.Targets.clone(), data.ClassNames);
        using var resumed = Small.Slvt();
        new Trainer(resumed, Options).Fit(copy, copy, resumeFile: file);
    }

    [Fact]
    public void Streamed_data_is_told_apart_too()
    {
        static Dataset Stream(float shift) => Dataset.FromSamples(
            200, [4], [], ["a", "b", "c"], number => (full([4], (float)Math.Sin(number) + (number == 199 ? shift : 0)), tensor((long)(number % 3))));
        using var data = Stream(0);
        using var same = Stream(0);
        using var other = Stream(1);

        Assert.Equal(data.Fingerprint(), same.Fingerprint());
        Assert.NotEqual(data.Fingerprint(), other.Fingerprint());
    }

    [Fact]
    public void A_second_run_with_the_same_file_is_refused_by_name_and_does_not_disturb_the_first()
    {
        using var folder = new TemporaryFolder();
        using var data = Small.Classes(40);
        var file = folder.File("run.safetensors");
        using var alone = Small.Slvt();
        var expected = Everything(alone, new Trainer(alone, Options).Fit(data, data));
        var refusals = 0;
        var listener = new Listener(progress =>
        {
            if (progress is not ({ Epoch: 1, Step: 2 } or { Epoch: 3, Step: 1 }))
                return;
            using var second = Small.Slvt();
            var fault = Assert.Throws<IOException>(() => new Trainer(second, Options).Fit(data, data, resumeFile: file));
            Assert.Contains($"'{file}' is in use", fault.Message);
            Assert.All(Small.State(second), number => Assert.Equal(0, number));
            refusals++;
        });

        using var first = Small.Slvt();
        var report = new Trainer(first, Options).Fit(data, data, listener, resumeFile: file);

        Assert.Equal(2, refusals);
        Assert.Equal(expected, Everything(first, report));
        // The lock ended with the run, and its file with it.
        Assert.Equal([file], Directory.GetFileSystemEntries(folder.Path));
        using var again = Small.Slvt();
        new Trainer(again, Options).Fit(data, data, resumeFile: file);
    }

    [Fact]
    public void A_folder_that_is_not_there_is_refused_before_the_first_step()
    {
        using var folder = new TemporaryFolder();
        using var data = Small.Classes(40);
        using var model = Small.Slvt();
        var heard = new Listener();

        var fault = Assert.Throws<DirectoryNotFoundException>(
            () => new Trainer(model, Options).Fit(data, data, heard, resumeFile: Path.Combine(folder.Path, "none", "run")));

        Assert.Contains("there is no folder", fault.Message);
        Assert.Empty(heard.Heard);
    }

    private sealed class LongestPathFactAttribute : FactAttribute
    {
        public LongestPathFactAttribute()
        {
            if (!OperatingSystem.IsLinux())
                Skip = "Other systems bound the length of paths elsewhere.";
        }
    }

    [LongestPathFact]
    public void A_file_that_cannot_be_replaced_is_refused_before_the_model_changes()
    {
        // In a folder so deep that the file's path is short enough for the system and that of the one to replace it is not.
        const int longest = 4095;
        using var folder = new TemporaryFolder();
        using var data = Small.Classes(40);
        Begin(() => Small.Slvt(), Short, folder.File("run"));
        var deep = folder.Path;
        while (longest - 12 - deep.Length is > 1 and var room)
            deep = Path.Combine(deep, new string('d', Math.Min(room - 1, 200)));
        Directory.CreateDirectory(deep);
        var file = Path.Combine(deep, "r");
        File.Copy(folder.File("run"), file);
        using var model = Small.Slvt();
        var before = Small.State(model);

        var fault = Assert.ThrowsAny<IOException>(() => new Trainer(model, Short).Fit(data, resumeFile: file));

        Assert.Contains("cannot be written", fault.Message);
        Assert.Equal(before, Small.State(model));
        // Where nothing is left to do, the result is put back all the same.
        GoOn(() => Small.Slvt(), Short, folder.File("run"));
        File.Copy(folder.File("run"), file, overwrite: true);
        Assert.Equal(2, GoOn(() => Small.Slvt(), Short, file).History.Count);
    }

    [Fact]
    public void The_file_does_not_grow_with_the_steps()
    {
        using var folder = new TemporaryFolder();
        using var data = Small.Classes(96);
        long Size(int batch)
        {
            var file = folder.File($"{batch}");
            using var model = Small.Slvt();
            var options = new TrainingOptions { Epochs = 60, BatchSize = batch };
            Assert.Equal(60 * 96 / batch, new Trainer(model, options).Fit(data, resumeFile: file).Steps);
            return new FileInfo(file).Length;
        }

        // 60 steps, and 5,760, whose times alone would take 46 KB.
        Assert.InRange(Size(1) - Size(96), 0, 33_000);
    }

    [Fact]
    public void A_folder_in_the_files_place_is_refused_before_the_first_step()
    {
        using var folder = new TemporaryFolder();
        using var data = Small.Classes(40);
        using var model = Small.Slvt();
        var path = Path.Combine(folder.Path, "run");
        Directory.CreateDirectory(path);
        var heard = new Listener();

        var fault = Assert.Throws<IOException>(() => new Trainer(model, Options).Fit(data, data, heard, resumeFile: path));

        Assert.Contains($"'{path}' cannot be written: it is a folder", fault.Message);
        Assert.Empty(heard.Heard);
        Assert.Equal([path], Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void A_lock_that_may_not_be_opened_is_not_passed_over()
    {
        using var folder = new TemporaryFolder();
        using var data = Small.Classes(40);
        using var model = Small.Slvt();
        var file = folder.File("run");
        // A folder, which nobody can open as a file, as only its owner can another user's lock.
        Directory.CreateDirectory(file + ".lock");
        var heard = new Listener();

        var fault = Assert.Throws<IOException>(() => new Trainer(model, Options).Fit(data, data, heard, resumeFile: file));

        Assert.Contains($"'{file}' cannot be locked: '{file}.lock' is there and may not be opened", fault.Message);
        Assert.Empty(heard.Heard);
    }

    [Fact]
    public void A_lock_that_may_not_be_opened_keeps_nobody_from_reading_what_he_could_not_write()
    {
        using var folder = new TemporaryFolder();
        // Folders, which nobody can write as files; for another user a run's file and the lock that its killed process left are so.
        Directory.CreateDirectory(folder.File("run.lock"));
        Directory.CreateDirectory(folder.File("run"));

        Assert.Null(FileLock.Take(folder.File("run")));
    }

    [Theory]
    [InlineData("probe")]
    [InlineData("optimizer")]
    [InlineData("step_milliseconds")]
    public void A_tensor_of_another_type_is_refused_before_the_model_changes(string name)
    {
        using var folder = new TemporaryFolder();
        using var data = Small.Classes(40);
        var file = folder.File("run");
        Begin(() => Small.Slvt(), Short, file);
        Change(file, _ => { }, tensors => tensors[name] = tensors[name].to(float16));
        using var model = Small.Slvt();
        var before = Small.State(model);

        var fault = Assert.Throws<CheckpointFormatException>(() => new Trainer(model, Short).Fit(data, resumeFile: file));

        Assert.Contains($"has '{name}' as Float16", fault.Message);
        Assert.Equal(before, Small.State(model));
    }
}

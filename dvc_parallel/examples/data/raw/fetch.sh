# sh fetch.sh REGION YEAR: prints what a region has sold in a year, in place of a download.
echo day,sold
for day in 1 2 3 4 5; do
  echo "$day,$((day * ${#1} * ($2 - 2020)))"
done
